"""What a part of the benchmarks is given, what it returns, and the table of thresholds."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Names of what was measured, with their values.
Figures = Mapping[str, float]


class BenchmarkError(Exception):
    """Nothing can be measured; the text says why, and what to do."""


@dataclass(frozen=True)
class Options:
    """`seconds` of each measurement and `rounds` of them; `before`: a checkout of the version to compare with."""

    seconds: int = 3
    rounds: int = 3
    before: Path | None = None


def progress(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Threshold:
    """The benchmarks fail when a figure of a part is beyond `limit`; `goal` is what was wanted."""

    part: str
    figure: str
    better: Literal["higher", "lower"]
    limit: float
    goal: float

    def verdict(self, value: float) -> str:
        sign = 1 if self.better == "higher" else -1
        if value * sign < self.limit * sign:
            return _MISSED
        return "reached" if value * sign >= self.goal * sign else "below the goal"


_MISSED = "MISSED"
THRESHOLDS = (
    Threshold("reads", "tree / Mercurius JIT", "higher", 1.1, 1.4),
    Threshold("reads", "tree / Mercurius", "higher", 1.5, 2.0),
    Threshold("reads", "page / Apollo", "higher", 1.1, 1.5),
    Threshold("reads", "page / Mercurius JIT", "higher", 0.4, 0.5),
    Threshold("reads", "page of 200,000 / Apollo", "higher", 1.1, 1.5),
    Threshold("reads", "page of 200,000 / Mercurius JIT", "higher", 0.4, 0.5),
    Threshold("reads", "small / Apollo", "higher", 1.2, 1.4),
    Threshold("reads", "small / Starlette", "higher", 0.5, 0.5),
    # The version before reads by rows alone; so would ours, where a plan is missing.
    Threshold("reads", "Shelf / before", "higher", 30, 50),
    Threshold("reads", "Relay page / before", "higher", 5, 10),
    Threshold("reads", "Relay shelf / before", "higher", 5, 10),
    Threshold("documents", "new document / before", "lower", 1.1, 1.0),
    Threshold("documents", "memory growth from 3,000 to 11,000 documents, MB", "lower", 8, 4),
    # These are no ratios, so a slower machine gets more than is wanted.
    Threshold("streams", "replies × watchers 1 × 200, µs an event", "lower", 80, 40),
    Threshold("streams", "replies × watchers 50 × 1, µs an event", "lower", 160, 80),
    Threshold("streams", "replies × watchers 200 × 1, µs an event", "lower", 160, 80),
    Threshold("streams", "replies × watchers 200 × 1, seconds", "lower", 10, 5),
    Threshold("streams", "send beside 1,000 watchers / alone", "lower", 3, 1.5),
    Threshold("streams", "idle subscription, kB", "lower", 40, 30),
    Threshold("appends", "message, 1 at a time, at 10: Repartee, ms of CPU", "lower", 3, 1.5),
    Threshold("appends", "message, 8 at a time, at 10: Repartee, ms of CPU", "lower", 3, 1.5),
    Threshold("appends", "message, 1 at a time, at 100,000: Repartee, ms of CPU", "lower", 3, 1.5),
    Threshold("appends", "message, 8 at a time, at 100,000: Repartee, ms of CPU", "lower", 3, 1.5),
    Threshold("appends", "message, 1 at a time, at 10 / before", "lower", 0.6, 0.4),
    Threshold("start", "Repartee: start to /health, s", "lower", 2, 1),
    Threshold("start", "Repartee: memory at rest, MB", "lower", 110, 90),
    Threshold("first_words", "added to the first token, ms", "lower", 10, 5),
    Threshold("first_words", "Repartee: first words from turn 1, median s", "lower", 4, 2),
    Threshold("first_words", "Repartee: first words from turn 21, median s", "lower", 4, 2),
    Threshold("first_words", "Repartee: first words from turn 41, median s", "lower", 4, 2),
)


def judged(found: Mapping[str, Figures]) -> tuple[list[Sequence[str]], bool]:
    """Returns a row for each threshold of the measured parts, and whether none was missed."""
    rows: list[Sequence[str]] = []
    for one in THRESHOLDS:
        if one.part in found:
            value = found[one.part].get(one.figure)
            measured = ("", "not measured") if value is None else (f"{value:.2f}", one.verdict(value))
            sign = "≥" if one.better == "higher" else "≤"
            rows.append(
                (f"{one.part}: {one.figure}", measured[0], sign, f"{one.limit:g}", f"{one.goal:g}", measured[1])
            )
    return rows, all(row[-1] != _MISSED for row in rows)
