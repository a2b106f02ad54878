"""What streams cost the server: `python -m tests.benchmarks.streams` prints a table.

The server, an engine that writes 50 tokens a second and reply, the watchers, and a client that sends beside a
thousand of them run in a process each. CPU is the time that the server's process ran, user and system, for each
event that was delivered.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import uvloop

from tests.benchmarks.light_socket import LightSocket
from tests.benchmarks.paced_engine import paced_engine
from tests.benchmarks.relay import relay
from tests.benchmarks.sender import sender
from tests.support.client import Client
from tests.support.makers import until
from tests.support.processes import started

RATE, TOKENS = 50, 200
WATCHED_TOGETHER = (1, 200, 2_000)
WRITTEN_TOGETHER = (1, 50, 200)
IDLE = 1_000
# Replies of the relay, which shows what the least would be.
RELAYED = 50
SENDS = 21
# Clients that send at once.
SENDERS = 8

WATCH = """subscription ($id: ID!, $after: String, $done: Boolean!) {
    replyStream(conversationId: $id, after: $after, untilDone: $done) {
        __typename cursor messageId
        ... on ReplyStarted { content } ... on ReplyDelta { offset delta } ... on ReplySnapshot { content }
        ... on ReplyFinished { finishReason } ... on ReplyFailed { failure { code message } } } }"""
SEND = """mutation ($id: ID!, $mode: ReplyMode!) {
    sendMessage(input: {conversationId: $id, content: "Go on.", replyMode: $mode}) {
        message { id } streamCursor userErrors { message } } }"""
CREATE = """mutation ($id: ID!) { createConversation(input: {characterId: $id, includeGreeting: false}) {
    conversation { id } } }"""
EDIT = """mutation ($id: ID!, $content: String!) { editMessage(input: {messageId: $id, content: $content}) {
    userErrors { message } } }"""


@dataclass(frozen=True)
class Streamed:
    """`cpu` in microseconds an event. From the first send, `sent` seconds to the answer of the last send, and
    `seconds` to the end of the last reply."""

    replies: int
    watchers: int
    events: int
    cpu: float
    sent: float
    seconds: float


@dataclass(frozen=True)
class Figures:
    """`relayed` in microseconds an event, `send_alone` and `send_beside` in milliseconds, `idle` in bytes."""

    streamed: Sequence[Streamed]
    relayed: float
    send_alone: float
    send_beside: float
    idle: float


async def measure(
    replies: Sequence[int] = WRITTEN_TOGETHER, watchers: Sequence[int] = WATCHED_TOGETHER, idle: int = IDLE
) -> Figures:
    """Returns the figures: so many replies with one watcher each, one reply with so many, and idle watchers."""
    async with _served() as bench:
        streamed = [await bench.stream(count, 1) for count in replies]
        streamed += [await bench.stream(1, count) for count in watchers]
        # An idle subscription is measured where no earlier one has left memory to be used again.
    async with _served() as bench:
        alone, beside, size = await bench.idle(idle)
    return Figures(streamed, await _relayed(), alone, beside, size)


async def _relayed() -> float:
    async with paced_engine(RATE, TOKENS) as engine, relay(engine) as (pid, url):
        cpu = _cpu(pid)
        async with _watched(url, [""] * RELAYED) as sockets:
            await asyncio.gather(*(_final(socket) for socket in sockets))
            return (_cpu(pid) - cpu) / sum(socket.results for socket in sockets) * 1e6


@asynccontextmanager
async def _served() -> AsyncIterator["Bench"]:
    with tempfile.TemporaryDirectory() as folder:
        async with paced_engine(RATE, TOKENS) as url:
            settings = {"ENGINE": "openai", "ENGINE_URL": url, "MAX_REPLIES": "1000", "TITLES": "off"}
            async with started(Path(folder), **settings) as (process, client):
                yield Bench(process.pid, client)


class Bench:
    """A server and the pid of the process whose CPU is measured."""

    def __init__(self, pid: int, client: Client) -> None:
        self._pid = pid
        self._client = client
        self._senders = asyncio.Semaphore(SENDERS)

    async def stream(self, replies: int, watchers: int) -> Streamed:
        conversations = await self._conversations(replies)
        async with self._watched(conversations * watchers) as sockets:
            # Nobody has ended by then: each watches until it has seen the end of one reply.
            cpu, begin = _cpu(self._pid), time.perf_counter()
            await asyncio.gather(*(self._send_in_turn(one) for one in conversations))
            sent = time.perf_counter() - begin
            await asyncio.gather(*(_final(socket) for socket in sockets))
            seconds, cpu = time.perf_counter() - begin, _cpu(self._pid) - cpu
            events = sum(socket.results for socket in sockets)
        return Streamed(replies, watchers, events, cpu / events * 1e6, sent, seconds)

    async def idle(self, count: int) -> tuple[float, float, float]:
        """Returns what a send takes alone, and right after a change that so many watch, and their memory."""
        watched, other = await self._conversations(2)
        message = (await self._client.run(SEND, id=watched, mode="NONE"))["sendMessage"]["message"]["id"]
        async with self._watched([watched] * 100):
            # What is made once is no part of a subscription.
            pass
        await asyncio.sleep(1)
        async with sender(self._client.url) as sending:
            alone = median([await sending.seconds(SEND, id=other, mode="NONE") for _ in range(SENDS)])
            before, beside = _memory(self._pid), []
            async with self._watched([watched] * count) as sockets:
                size = (_memory(self._pid) - before) / count
                for number in range(SENDS):
                    seen = sum(socket.results for socket in sockets)
                    await self._client.run(EDIT, id=message, content=f"Changed {number}.")
                    beside.append(await sending.seconds(SEND, id=other, mode="NONE"))
                    await until(lambda seen=seen: sum(socket.results for socket in sockets) >= seen + count)
        return alone * 1000, median(beside) * 1000, size

    async def _conversations(self, count: int) -> list[str]:
        [character] = (await self._client.run("{ characters(first: 1) { id } }"))["characters"]
        made = [(await self._client.run(CREATE, id=character["id"]))["createConversation"] for _ in range(count)]
        return [one["conversation"]["id"] for one in made]

    async def _send_in_turn(self, conversation: str) -> None:
        async with self._senders:
            sent = (await self._client.run(SEND, id=conversation, mode="BACKGROUND"))["sendMessage"]
            assert not sent["userErrors"], sent

    @asynccontextmanager
    async def _watched(self, conversations: Sequence[str]) -> AsyncIterator[list[LightSocket]]:
        async with _watched(self._client.url, conversations) as sockets:
            await self._quiet()
            yield sockets

    async def _quiet(self) -> None:
        """Waits until the server has nothing to do."""
        while True:
            before = _cpu(self._pid)
            await asyncio.sleep(0.5)
            if _cpu(self._pid) - before < 0.05:
                return


@asynccontextmanager
async def _watched(graphql_url: str, conversations: Sequence[str]) -> AsyncIterator[list[LightSocket]]:
    """Watches each conversation once, over a socket of its own."""
    loop = asyncio.get_running_loop()
    url = urlsplit(graphql_url)
    sockets: list[LightSocket] = []
    try:
        for id in conversations:
            socket = LightSocket(url.netloc, WATCH, {"id": id, "done": False})
            sockets.append(socket)
            await loop.create_connection(lambda socket=socket: socket, url.hostname, url.port)
            await socket.subscribed.wait()
        yield sockets
    finally:
        for socket in sockets:
            socket.close()


async def _final(socket: LightSocket) -> None:
    while b'"ReplyFinished"' not in socket.last:
        assert b'"ReplyFailed"' not in socket.last, socket.last
        assert not socket.ended.is_set()
        await asyncio.sleep(0.02)


def _cpu(pid: int) -> float:
    """Returns the seconds that the process has run, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def table(figures: Figures) -> str:
    lines = ["replies  watchers each   events  µs CPU/event    sent  seconds"]
    lines += [
        f"{one.replies:7}  {one.watchers:13}  {one.events:7}  {one.cpu:12.0f}  {one.sent:6.1f}  {one.seconds:7.1f}"
        for one in figures.streamed
    ]
    lines.append(f"a relay of {RELAYED} replies that keeps nothing: {figures.relayed:.0f} µs an event")
    lines.append(
        f"a send: {figures.send_alone:.1f} ms; after a change that many watch: {figures.send_beside:.1f} ms"
    )
    lines.append(f"an idle subscription: {figures.idle / 1000:.1f} kB")
    return "\n".join(lines)


def _counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--replies", type=_counts, default=WRITTEN_TOGETHER)
    parser.add_argument("--watchers", type=_counts, default=WATCHED_TOGETHER)
    parser.add_argument("--idle", type=int, default=IDLE)
    options = parser.parse_args()
    print(table(uvloop.run(measure(options.replies, options.watchers, options.idle))))
