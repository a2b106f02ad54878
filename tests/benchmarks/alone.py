"""Parts that measure our server by itself, once a round; the medians of the rounds are kept."""

from collections.abc import Callable
from statistics import median

import uvloop

from tests.benchmarks import streams
from tests.benchmarks.parts import BenchmarkError, Figures, Options, progress


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
    }
    for one in found.streamed:
        watched = f"{one.replies:,} × {one.watchers:,}"
        figures[f"replies × watchers {watched}, µs an event"] = one.cpu
        figures[f"replies × watchers {watched}, seconds"] = one.seconds
    return figures


def _medians(name: str, measured: Callable[[], Figures], rounds: int) -> Figures:
    found = []
    for number in range(1, rounds + 1):
        progress(f"{name}: round {number} of {rounds}")
        try:
            found.append(measured())
        except AssertionError as error:
            raise BenchmarkError(f"the server refused: {error}") from error
    return {figure: median(one[figure] for one in found) for figure in found[0]}
