"""Reads by our server beside its peers and the version before: `python -m tests.benchmarks reads`.

Each round asks each server in turn, so that a ratio compares what was measured within seconds.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import load, servers
from tests.benchmarks.library import store_peers
from tests.benchmarks.load import Load
from tests.benchmarks.parts import BenchmarkError, Figures, Options, progress
from tests.benchmarks.questions import Question, comparable, leaves, questions
from tests.benchmarks.servers import BARE, BEFORE, OURS, Server
from tests.benchmarks.tables import table

_PEERS = {
    "Mercurius JIT": ("mercurius.js", {"JIT": "1"}),
    "Mercurius": ("mercurius.js", {}),
    "Apollo": ("apollo.js", {}),
    "Yoga": ("yoga.js", {}),
}
# Seconds in which V8 compiles, and Python warms its caches, before anything is measured.
_WARMING = 1

# By question and server, a load for each round.
Loads = Mapping[str, Mapping[str, Sequence[Load]]]


def measure(options: Options) -> Figures:
    """Measures all questions and prints two tables. Raises BenchmarkError."""
    with started(options) as compared:
        loads = {one.name: _asked(one, compared, options) for one in questions()}
    print(report(loads))
    return figures(loads)


@contextmanager
def started(options: Options) -> Iterator[list[Server]]:
    """Starts every server on a database of the same content."""
    servers.install_peers()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        compared = [stack.enter_context(one) for one in servers.versions(options, folder)]
        compared.append(stack.enter_context(servers.bare_route()))
        store_peers(str(folder / "peers.db"))
        for name, (script, variables) in _PEERS.items():
            compared.append(stack.enter_context(servers.peer(name, script, folder / "peers.db", **variables)))
        yield compared


def _asked(question: Question, compared: Sequence[Server], options: Options) -> dict[str, list[Load]]:
    asked = [(one, request) for one in compared if (request := _request(one, question))]
    _check_answers(question, asked)
    for server, request in asked:
        load.measure(server, request, _WARMING)
    loads: dict[str, list[Load]] = {server.name: [] for server, _ in asked}
    for number in range(1, options.rounds + 1):
        for server, request in asked:
            loads[server.name].append(load.measure(server, request, options.seconds))
        rates = ", ".join(f"{name} {of_server[-1].rate:,.0f}" for name, of_server in loads.items())
        progress(f"{question.name}, round {number} of {options.rounds}: {rates}")
    return loads


def _request(server: Server, question: Question) -> dict[str, Any] | None:
    """Returns what the server is asked, unless it cannot answer the question."""
    if server.name in (OURS, BEFORE):
        return question.ours()
    if server.name == BARE:
        return question.ours() if question.name == "small" else None
    return question.peers() if question.peers_document else None


def _check_answers(question: Question, asked: Sequence[tuple[Server, dict[str, Any]]]) -> None:
    """Raises BenchmarkError unless all answers to one document have the same content, of the expected size."""
    first: dict[str, Any] = {}
    for server, request in asked:
        data = server.data(request)
        if leaves(data) != question.leaves:
            raise BenchmarkError(
                f"{server.name}: {question.name} has {leaves(data)} values, not {question.leaves}."
            )
        if comparable(data) != first.setdefault(request["query"], comparable(data)):
            raise BenchmarkError(f"{server.name} answers the question {question.name} otherwise than {OURS}.")


def ratios(loads: Mapping[str, Sequence[Load]]) -> dict[str, list[float]]:
    """Returns, for each other server, how many times its rate ours is, by rounds."""
    rates = {name: [one.rate for one in of_server] for name, of_server in loads.items()}
    mine = rates.pop(OURS)
    return {name: [a / b for a, b in zip(mine, other, strict=True)] for name, other in rates.items()}


def figures(loads: Loads) -> Figures:
    found = {}
    for question, of_question in loads.items():
        for name, of_server in of_question.items():
            found[f"{question}: {name}, requests/s"] = median(one.rate for one in of_server)
            found[f"{question}: {name}, p50 ms"] = median(one.median for one in of_server)
            found[f"{question}: {name}, p99 ms"] = median(one.slowest for one in of_server)
        for name, of_rounds in ratios(of_question).items():
            found[f"{question} / {name}"] = median(of_rounds)
    return found


def report(loads: Loads) -> str:
    names = list(dict.fromkeys(name for of_question in loads.values() for name in of_question))
    rates = {
        question: {
            name: f"{median(one.rate for one in of_server):,.0f}" for name, of_server in of_question.items()
        }
        for question, of_question in loads.items()
    }
    compared = {
        question: {name: _shown(of_rounds) for name, of_rounds in ratios(of_question).items()}
        for question, of_question in loads.items()
    }
    others = [name for name in names if name != OURS]
    return "\n\n".join(
        [
            _by_question("requests a second, medians", names, rates),
            _by_question(f"{OURS} / the other: median (lowest–highest round)", others, compared),
        ]
    )


def _shown(of_rounds: Sequence[float]) -> str:
    return f"{median(of_rounds):.2f} ({min(of_rounds):.2f}–{max(of_rounds):.2f})"


def _by_question(title: str, names: Sequence[str], cells: Mapping[str, Mapping[str, str]]) -> str:
    rows = [[question, *(of_question.get(name, "") for name in names)] for question, of_question in cells.items()]
    return f"{title}\n{table(['', *names], rows)}"
