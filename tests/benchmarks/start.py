"""How long the server takes to its first answer, and its memory at rest: `python -m tests.benchmarks start`.

Both with the builtin engine, which needs no model, on a database whose tables are there.
"""

import tempfile
import time
from pathlib import Path
from statistics import median

import httpx2

from tests.benchmarks import servers
from tests.benchmarks.parts import Figures, Options, progress
from tests.benchmarks.servers import BEFORE, OURS
from tests.benchmarks.tables import table
from tests.support.processes import ROOT

_SETTLING_SECONDS = 2
_SECONDS, _MEMORY = "start to /health, s", "memory at rest, MB"


def measure(options: Options) -> Figures:
    """Starts each version once a round, and once before, which makes its tables; prints a table."""
    checkouts = {name: one for name, one in {OURS: ROOT, BEFORE: options.before}.items() if one}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds + 1):
            for name, checkout in checkouts.items():
                measured = _start(name, checkout, Path(folder) / f"{name}.db")
                if number:
                    found[name].append(measured)
            progress(f"start: round {number} of {options.rounds}")
    figures = {}
    for name, rounds in found.items():
        for figure, values in zip((_SECONDS, _MEMORY), zip(*rounds, strict=True), strict=True):
            figures[f"{name}: {figure}"] = median(values)
    print(table(["", ""], [(name, f"{value:.2f}") for name, value in figures.items()]), flush=True)
    return figures


def _start(name: str, checkout: Path, file: Path) -> tuple[float, float]:
    """Returns the seconds to the first answer, and the megabytes at rest."""
    begin = time.perf_counter()
    with servers.ours(name, checkout, file) as server:
        httpx2.get(server.url.replace("/graphql", "/health"), timeout=60).raise_for_status()
        seconds = time.perf_counter() - begin
        time.sleep(_SETTLING_SECONDS)
        return seconds, server.memory()
