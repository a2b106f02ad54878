"""Parts that measure our server by itself, once a round; the medians of the rounds are kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import uvloop

from tests.benchmarks import first_words, streams
from tests.benchmarks.parts import BenchmarkError, Figures, Options, progress
from tests.benchmarks.servers import BEFORE, OURS
from tests.benchmarks.tables import table
from tests.support.processes import ROOT


def measure_streams(options: Options) -> Figures:
    """CPU for each event, what watchers cost those who send, and an idle subscription."""

    def measured() -> Figures:
        found = uvloop.run(streams.measure())
        print(f"{streams.table(found)}\n", flush=True)
        return _of_streams(found)

    return _medians("streams", measured, options.rounds)


def _of_streams(found: streams.Figures) -> Figures:
    figures = {
        "send beside 1,000 watchers / alone": found.send_beside / found.send_alone,
        "send alone, ms": found.send_alone,
        "idle subscription, kB": found.idle / 1000,
        "a relay that keeps nothing, µs an event": found.relayed,
    }
    for one in found.streamed:
        watched = f"{one.replies:,} × {one.watchers:,}"
        figures[f"replies × watchers {watched}, µs an event"] = one.cpu
        figures[f"replies × watchers {watched}, seconds"] = one.seconds
    return figures


def measure_first_words(options: Options) -> Figures:
    """What the server adds to an outside engine, and 60 turns with the local model; they are medians already."""

    def measured() -> Figures:
        found = uvloop.run(first_words.added_time())
        return {
            "first token directly, ms": found.directly,
            "first token through the server, ms": found.through_server,
            "added to the first token, ms": found.added,
        }

    figures = dict(_medians("first words", measured, options.rounds))
    for name, checkout in {OURS: ROOT, BEFORE: options.before}.items():
        if checkout:
            progress(f"first words: {first_words.TURNS} turns with the local model of {name}")
            figures |= _of_turns(name, checkout)
    print(table(["", ""], [(name, f"{value:.1f}") for name, value in figures.items()]), flush=True)
    return figures


def _of_turns(name: str, checkout: Path) -> Figures:
    with _refusals():
        parts = uvloop.run(first_words.local_turns(checkout))
    return {f"{name}: first words from turn {one.first}, median s": one.seconds for one in parts}


@contextmanager
def _refusals() -> Iterator[None]:
    """The programs check by `assert` that the server does what it is asked."""
    try:
        yield
    except AssertionError as error:
        raise BenchmarkError(f"the server refused: {error}") from error


def _medians(name: str, measured: Callable[[], Figures], rounds: int) -> Figures:
    found = []
    for number in range(1, rounds + 1):
        progress(f"{name}: round {number} of {rounds}")
        with _refusals():
            found.append(measured())
    return {figure: median(one[figure] for one in found) for figure in found[0]}
