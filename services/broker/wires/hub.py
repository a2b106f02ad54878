"""The wire of several processes on one machine: a Unix socket of the supervisor, which passes frames on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from services.broker.wires.reconnecting import PATIENCE, ReconnectingWire

logger = logging.getLogger("repartee.broker")

# A message is its length in four bytes, a kind, the topic, a NUL, and the frame.
ADD, REMOVE, FRAME, PING = b"s", b"u", b"f", b"p"
_MAX_MESSAGE = 64 * 1024
# Bytes that may wait for a process that does not read; more are dropped, as a wire may.
_MAX_WAITING = 4 * 1024 * 1024


def _message(kind: bytes, topic: str = "", frame: bytes = b"") -> bytes:
    body = kind + topic.encode() + b"\0" + frame
    return len(body).to_bytes(4, "big") + body


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, str, bytes]:
    """Raises IncompleteReadError at the end, and ValueError for what is no message."""
    length = int.from_bytes(await reader.readexactly(4), "big")
    if length > _MAX_MESSAGE:
        raise ValueError("A message to the hub is too long.")
    topic, _, frame = (body := await reader.readexactly(length))[1:].partition(b"\0")
    return body[:1], topic.decode(), frame


class HubWire(ReconnectingWire):
    name = "The supervisor's hub"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._answered = asyncio.Event()

    async def publish(self, frames: Sequence[tuple[str, bytes]]) -> None:
        await self._write(_message(FRAME, topic, data) for topic, data in frames)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        async with asyncio.timeout(PATIENCE):
            self._reader, writer = await asyncio.open_unix_connection(self._path)
        self._writer = writer
        try:
            yield
        finally:
            self._writer = None
            writer.close()

    async def _add(self, topics: Collection[str]) -> None:
        # The answer to a question that comes after them shows that they are known.
        await self._ping(_message(ADD, topic) for topic in topics)

    async def _remove(self, topics: Collection[str]) -> None:
        await self._write(_message(REMOVE, topic) for topic in topics)

    async def _listen(self) -> None:
        while True:
            kind, topic, frame = await _read(self._reader)
            if kind == PING:
                self._answered.set()
            else:
                self._receive(topic, frame)

    async def _ping(self, before: Iterable[bytes] = ()) -> None:
        self._answered.clear()
        await self._write([*before, _message(PING)])
        await self._answered.wait()

    async def _write(self, messages: Iterable[bytes]) -> None:
        if self._writer is None:
            raise ConnectionError
        self._writer.write(b"".join(messages))
        async with asyncio.timeout(PATIENCE):
            await self._writer.drain()


class Hub:
    """Passes each frame on to the other processes that subscribe to its topic."""

    def __init__(self) -> None:
        self._topics: dict[str, set[asyncio.StreamWriter]] = {}
        self._server: asyncio.Server | None = None
        self._members: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def open(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        members = dict(self._members)
        for writer in members:
            writer.close()
        await asyncio.gather(*filter(None, members.values()))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._members[writer] = asyncio.current_task()
        try:
            # It ends when the process ends, or sends what is no message.
            with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
                while True:
                    self._take(writer, *await _read(reader))
        finally:
            del self._members[writer]
            for topic in [topic for topic, members in self._topics.items() if writer in members]:
                self._leave(topic, writer)
            writer.close()

    def _take(self, sender: asyncio.StreamWriter, kind: bytes, topic: str, frame: bytes) -> None:
        match kind:
            case b"s":
                self._topics.setdefault(topic, set()).add(sender)
            case b"u":
                self._leave(topic, sender)
            case b"f":
                for member in self._topics.get(topic, ()):
                    if member is not sender and member.transport.get_write_buffer_size() < _MAX_WAITING:
                        member.write(_message(FRAME, topic, frame))
            case b"p":
                sender.write(_message(PING))

    def _leave(self, topic: str, member: asyncio.StreamWriter) -> None:
        if members := self._topics.get(topic):
            members.discard(member)
            if not members:
                del self._topics[topic]
