"""What a message costs the server: `python -m tests.benchmarks appends`.

CPU time of the server's process, all of its threads, for each message that is sent: without a reply, by one client
and by eight at a time, and with a reply by the builtin engine in the background; in a conversation of 10 messages
and in one of 100,000. Each round asks each version in turn.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx2

from tests.benchmarks import servers
from tests.benchmarks.parts import BenchmarkError, Figures, Options, progress
from tests.benchmarks.servers import BEFORE, OURS, Server
from tests.benchmarks.tables import table
from tests.support.crowd import MESSAGES, lengthen
from tests.support.processes import ROOT

LENGTHS = (10, MESSAGES)
CLIENTS = (1, 8)
# Messages of one measurement: the kernel counts CPU time in hundredths of a second.
_COUNT = 200
_FIND = "{ characters { id } }"
_CREATE = """mutation ($id: ID!) { createConversation(input: {characterId: $id, includeGreeting: false}) {
    conversation { id } } }"""
_SEND = """mutation ($id: ID!, $mode: ReplyMode!) {
    sendMessage(input: {conversationId: $id, content: "Hello there.", replyMode: $mode, ifBusy: STOP}) {
        message { id position content createdAt } reply { id status } streamCursor userErrors { message } } }"""


@dataclass(frozen=True)
class Case:
    mode: str
    length: int
    clients: int

    @property
    def name(self) -> str:
        what = "message" if self.mode == "NONE" else "message and reply"
        return f"{what}, {self.clients} at a time, at {self.length:,}"


def cases() -> list[Case]:
    return [
        Case(mode, length, clients)
        for mode in ("NONE", "BACKGROUND")
        for length in LENGTHS
        # A conversation has one reply at a time.
        for clients in (CLIENTS if mode == "NONE" else (1,))
    ]


def measure(options: Options) -> Figures:
    """Measures every case and prints a table, of ms of CPU for a message. Raises BenchmarkError."""
    found: dict[str, dict[str, list[float]]] = {case.name: {} for case in cases()}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        versions = list(_versions(options, Path(folder), stack))
        for number in range(options.rounds + 1):
            for case in cases():
                for server, conversations in versions:
                    spent = _spent(server, conversations[case.length], case)
                    # The first round warms the servers up.
                    if number:
                        found[case.name].setdefault(server.name, []).append(spent)
            progress(f"round {number} of {options.rounds}")
    print(_report(found))
    return _figures(found)


def _versions(options: Options, folder: Path, stack: ExitStack) -> Iterator[tuple[Server, dict[int, str]]]:
    """Starts each version; yields it with the id of a conversation of each length."""
    for name, checkout in {OURS: ROOT, BEFORE: options.before}.items():
        if checkout is not None:
            file = folder / f"{name}.db"
            settings = {"ENGINE": "builtin", "BUILTIN_PACE": "0"}
            server = stack.enter_context(servers.ours(name, checkout, file, **settings))
            character = server.data({"query": _FIND})["characters"][0]["id"]
            yield server, {length: _conversation(server, file, character, length) for length in LENGTHS}


def _conversation(server: Server, file: Path, character: str, length: int) -> str:
    request = {"query": _CREATE, "variables": {"id": character}}
    id: str = server.data(request)["createConversation"]["conversation"]["id"]
    _send_many(server, {"id": id, "mode": "NONE"}, 1)
    lengthen(file, id, length)
    return id


def _spent(server: Server, conversation: str, case: Case) -> float:
    """Returns the milliseconds of CPU that one message took."""
    variables = {"id": conversation, "mode": case.mode}
    before = _cpu(server.pid)
    with ThreadPoolExecutor(case.clients) as pool:
        for done in [
            pool.submit(_send_many, server, variables, _COUNT // case.clients) for _ in range(case.clients)
        ]:
            done.result()
    return (_cpu(server.pid) - before) * 1000 / _COUNT


def _send_many(server: Server, variables: dict[str, str], count: int) -> None:
    """Sends messages one after the other over one connection."""
    with httpx2.Client(timeout=60) as http:
        for _ in range(count):
            answer = http.post(server.url, json={"query": _SEND, "variables": variables}).json()
            if "errors" in answer or answer["data"]["sendMessage"]["userErrors"]:
                raise BenchmarkError(f"{server.name} stores no message: {answer}")


def _cpu(pid: int) -> float:
    """Returns the seconds of CPU that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ratios(of_case: dict[str, list[float]]) -> list[float]:
    return [ours / before for ours, before in zip(of_case[OURS], of_case.get(BEFORE, ()), strict=False)]


def _figures(found: dict[str, dict[str, list[float]]]) -> Figures:
    figures = {}
    for case, of_case in found.items():
        for name, spent in of_case.items():
            figures[f"{case}: {name}, ms of CPU"] = median(spent)
        if ratios := _ratios(of_case):
            figures[f"{case} / before"] = median(ratios)
    return figures


def _report(found: dict[str, dict[str, list[float]]]) -> str:
    names = list(found[cases()[0].name])
    rows: list[Sequence[str]] = []
    for case, of_case in found.items():
        ratios = _ratios(of_case)
        shown = f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})" if ratios else ""
        rows.append([case, *(f"{median(of_case[name]):.2f}" for name in names), shown])
    head = ["", *names, f"{OURS} / before" if BEFORE in names else ""]
    return f"ms of CPU a message, medians\n{table(head, rows)}"
