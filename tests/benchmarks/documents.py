"""11,000 different documents against one server: its memory, and what a new and a known document take.

Each is the page of the read benchmarks with an alias of its own, so that no cache knows it.
"""

import http.client
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from tests.benchmarks import servers
from tests.benchmarks.library import Size, key
from tests.benchmarks.parts import BenchmarkError, Figures, Options, progress
from tests.benchmarks.servers import BEFORE, OURS, Server
from tests.benchmarks.tables import table

FEW, MANY = 3_000, 11_000
_KNOWN = 500
# How many each server is asked in turn.
_TURN = 500
_PAGE = """query Page($id: ID!) {
  a%d: character(id: $id) { id name description conversations { id title createdAt updatedAt } } }"""


def measure(options: Options) -> Figures:
    """Measures our server and the version before, in turn, and prints a table."""
    with started(options) as compared:
        found = _asked(compared)
    rows = [[name, *(f"{one[name]:.2f}" for one in found.values())] for name in found[OURS]]
    print(table(["", *found], rows))
    return _figures(found)


@contextmanager
def started(options: Options) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield [stack.enter_context(one) for one in servers.versions(options, folder, Size(10, 0))]


def _asked(compared: Sequence[Server]) -> dict[str, dict[str, float]]:
    found = {one.name: {_memory(0): one.memory()} for one in compared}
    new: dict[str, list[float]] = {one.name: [] for one in compared}
    for begin in range(0, MANY, _TURN):
        for server in compared:
            new[server.name] += _times(server, range(begin, begin + _TURN))
            if begin + _TURN in (FEW, MANY):
                found[server.name][_memory(begin + _TURN)] = server.memory()
        progress(f"documents: {begin + _TURN:,} of {MANY:,}")
    for server in compared:
        found[server.name]["new document, p50 ms"] = median(new[server.name])
        found[server.name]["known document, p50 ms"] = median(_times(server, [MANY] * _KNOWN))
    return found


def _figures(found: Mapping[str, Mapping[str, float]]) -> Figures:
    mine = found[OURS]
    figures = {f"{version}: {name}": value for version, one in found.items() for name, value in one.items()}
    figures["memory growth from 3,000 to 11,000 documents, MB"] = mine[_memory(MANY)] - mine[_memory(FEW)]
    if before := found.get(BEFORE):
        for kind in ("new document", "known document"):
            figures[f"{kind} / before"] = mine[f"{kind}, p50 ms"] / before[f"{kind}, p50 ms"]
    return figures


def _memory(documents: int) -> str:
    return f"memory after {documents:,} documents, MB"


def _times(server: Server, numbers: Iterable[int]) -> list[float]:
    """Asks one document for each number over one connection; returns the milliseconds of each."""
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
