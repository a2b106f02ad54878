"""11,000 different documents against one server: its memory, and what a new and a known document take.

Each is the page of the read benchmarks with an alias of its own, so that no cache knows it.
"""

import http.client
import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from tests.benchmarks import servers
from tests.benchmarks.library import key
from tests.benchmarks.parts import BenchmarkError, Figures, Options, progress
from tests.benchmarks.servers import Server
from tests.benchmarks.tables import table
from tests.support.processes import ROOT

FEW, MANY = 3_000, 11_000
_KNOWN = 500
_PAGE = """query Page($id: ID!) {
  a%d: character(id: $id) { id name description conversations { id title createdAt updatedAt } } }"""


def measure(options: Options) -> Figures:
    """Measures our server and the version before, one after the other, and prints a table."""
    checkouts = {"Repartee": ROOT} | ({"before": options.before} if options.before else {})
    with tempfile.TemporaryDirectory() as folder:
        found = {name: _version(name, checkout, Path(folder)) for name, checkout in checkouts.items()}
    names = list(next(iter(found.values())))
    print(table(["", *found], [[name, *(f"{one[name]:.2f}" for one in found.values())] for name in names]))
    mine = found["Repartee"]
    figures = {f"{version}: {name}": value for version, one in found.items() for name, value in one.items()}
    figures["memory from 3,000 to 11,000 documents, MB"] = mine[_memory(MANY)] - mine[_memory(FEW)]
    if before := found.get("before"):
        figures["new document / before"] = mine["new document, p50 ms"] / before["new document, p50 ms"]
    return figures


def _memory(documents: int) -> str:
    return f"memory after {documents:,} documents, MB"


def _version(name: str, checkout: Path, folder: Path) -> dict[str, float]:
    file = folder / f"{name}.db"
    servers.store_ours(checkout, file)
    with servers.ours(name, checkout, file) as server:
        found = {_memory(0): server.memory()}
        new = _times(server, range(FEW))
        found[_memory(FEW)] = server.memory()
        new += _times(server, range(FEW, MANY))
        found[_memory(MANY)] = server.memory()
        found["new document, p50 ms"] = median(new)
        found["known document, p50 ms"] = median(_times(server, [MANY] * _KNOWN))
    return found


def _times(server: Server, numbers: Iterable[int]) -> list[float]:
    """Asks one document for each number over one connection; returns the milliseconds of each."""
    progress(f"documents: asking {server.name}")
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    times = []
    for number in numbers:
        body = json.dumps({"query": _PAGE % number, "variables": {"id": key("char", 7)}})
        begin = time.perf_counter()
        connection.request("POST", address.path, body, {"content-type": "application/json"})
        answer = connection.getresponse().read()
        times.append((time.perf_counter() - begin) * 1000)
        if not answer.startswith(b'{"data":{"a'):
            raise BenchmarkError(f"{server.name} cannot answer: {answer[:500]!r}")
    connection.close()
    return times
