"""What happens in this process, counted as it happens, for whoever watches over the server."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from models import Status

# Seconds: how many durations were up to each of them is counted.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Durations:
    """How many there were of each length, and how long all took together."""

    def __init__(self) -> None:
        self.total = 0.0
        self._counts = [0] * (len(BOUNDS) + 1)

    def add(self, seconds: float) -> None:
        self.total += seconds
        self._counts[bisect_left(BOUNDS, seconds)] += 1

    def up_to(self) -> Iterator[tuple[float, int]]:
        """Yields each bound with the number of durations up to it; the last one has no bound."""
        return zip((*BOUNDS, float("inf")), accumulate(self._counts), strict=True)


class Figure(NamedTuple):
    """A number that is read when somebody asks. With `label`, there is one for each of its values."""

    description: str
    read: Callable[[], dict[str, float]]
    label: str = ""


def figure(description: str, read: Callable[[], float]) -> Figure:
    return Figure(description, lambda: {"": read()})


@dataclass
class Measures:
    """`figures` are added, by their names, by the parts that know them."""

    replies: Counter[Status] = field(default_factory=Counter)
    first_texts: Durations = field(default_factory=Durations)
    checkpoints: Durations = field(default_factory=Durations)
    reaped: int = 0
    figures: dict[str, Figure] = field(default_factory=dict)
