"""How long the first words of a reply take: `python -m tests.benchmarks.first_words [--before FOLDER]`.

Asks an outside engine directly and through the server, in turns, and prints what the server adds. Then talks with
the local model for 60 turns, here and in the folder of an earlier version, and prints the time to the first text
and the tokens that the model evaluated, by parts of 20 turns.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx2
from websockets.asyncio.client import ClientConnection

from tests.benchmarks.paced_engine import paced_engine
from tests.support.client import Client, subscribe
from tests.support.processes import ROOT, started
from tests.test_processes import first_conversation

TURNS, ASKED = 60, 50
_DRIVER = Path(__file__).with_name("turns.py")
_SEND = """mutation ($id: ID!) {
    sendMessage(input: {conversationId: $id, content: "Go on.", replyMode: BACKGROUND}) {
        userErrors { message } } }"""
_WATCH = """subscription ($id: ID!) { replyStream(conversationId: $id, untilDone: false) {
    __typename ... on ReplyDelta { delta } } }"""
_REQUEST = {"model": "paced", "stream": True, "messages": [{"role": "user", "content": "Go on."}]}


@dataclass(frozen=True)
class Turns:
    """Medians of 20 turns: seconds to the first text, and tokens evaluated; and the most of both."""

    first: int
    seconds: float
    evaluated: float
    most_seconds: float
    most_evaluated: int


@dataclass(frozen=True)
class Added:
    """Medians of milliseconds to the first token."""

    directly: float
    through_server: float

    @property
    def added(self) -> float:
        return self.through_server - self.directly


async def local_turns(folder: Path = ROOT, turns: int = TURNS) -> list[Turns]:
    """Talks with the local model of the version in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REPARTEE_")}
    process = await asyncio.create_subprocess_exec(
        # Without -P the benchmarks' folder is on the import path.
        sys.executable,
        "-P",
        str(_DRIVER),
        str(turns),
        cwd=folder,
        env={**kept, "PYTHONPATH": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, f"the turns in {folder} failed"
    figures = [json.loads(line) for line in output.splitlines()]
    return [_summary(figures[start : start + 20]) for start in range(0, turns, 20)]


async def added_time(times: int = ASKED) -> Added:
    """Asks an outside engine directly and through the server, in turns."""
    async with paced_engine(1000, 1) as engine:
        with tempfile.TemporaryDirectory() as folder:
            outside = {"ENGINE": "openai", "ENGINE_URL": engine, "MODEL": "paced", "TITLES": "off"}
            async with started(Path(folder), **outside) as (_, client), client.socket() as socket:
                conversation = await first_conversation(client)
                await socket.send(subscribe("1", _WATCH, id=conversation))
                directly, through = [], []
                for _ in range(times):
                    directly.append(await _ask_directly(engine))
                    through.append(await _ask_server(client, socket, conversation))
    return Added(median(directly) * 1000, median(through) * 1000)


def _summary(figures: list[dict[str, float]]) -> Turns:
    seconds = [turn["seconds"] for turn in figures]
    evaluated = [int(turn["evaluated"]) for turn in figures]
    return Turns(int(figures[0]["turn"]), median(seconds), median(evaluated), max(seconds), max(evaluated))


async def _ask_directly(engine: str) -> float:
    """Over a new connection, as the server does."""
    async with httpx2.AsyncClient(verify=False) as client:
        start = time.perf_counter()
        async with client.stream("POST", f"{engine}/chat/completions", json=_REQUEST) as response:
            async for line in response.aiter_lines():
                if "token" in line:
                    return time.perf_counter() - start
    raise AssertionError("the engine wrote nothing")


async def _ask_server(client: Client, socket: ClientConnection, conversation: str) -> float:
    start = time.perf_counter()
    sending = asyncio.create_task(client.run(_SEND, id=conversation))
    first = None
    async for kind in _events(socket):
        if kind == "ReplyDelta" and first is None:
            first = time.perf_counter() - start
        if kind == "ReplyFinished":
            break
    assert (await sending)["sendMessage"]["userErrors"] == []
    assert first is not None
    return first


async def _events(socket: ClientConnection) -> AsyncIterator[str]:
    async for message in socket:
        yield json.loads(message)["payload"]["data"]["replyStream"]["__typename"]


def _print_turns(name: str, parts: list[Turns]) -> None:
    for part in parts:
        print(
            f"{name:>8}, from turn {part.first:2}: first text after {part.seconds:5.1f} s "
            f"(most {part.most_seconds:5.1f}), "
            f"{part.evaluated:5.0f} tokens evaluated (most {part.most_evaluated})",
            flush=True,
        )


async def main(before: Path | None, turns: int) -> None:
    added = await added_time()
    print(
        f"First token of an outside engine: {added.directly:.1f} ms directly, "
        f"{added.through_server:.1f} ms through the server: {added.added:+.1f} ms",
        flush=True,
    )
    _print_turns("now", await local_turns(turns=turns))
    if before is not None:
        _print_turns("before", await local_turns(before, turns))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="the folder of an earlier version")
    parser.add_argument("--turns", type=int, default=TURNS)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.before and arguments.before.resolve(), arguments.turns))
