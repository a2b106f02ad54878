"""The wire of PostgreSQL: NOTIFY and LISTEN, without Redis. Good for about a hundred watched replies."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import URL

from services.broker.wires.reconnecting import PATIENCE, ReconnectingWire

_NOTIFY = "SELECT pg_notify(channel, frame) FROM unnest($1::text[], $2::text[]) AS frames (channel, frame)"


class PostgresWire(ReconnectingWire):
    """Two connections of its own: one sends, the other one listens. A proxy that pools transactions is no use."""

    name = "PostgreSQL's NOTIFY"
    # Each NOTIFY is a commit, and commits with one take turns in the whole server.
    pace = 0.1

    def __init__(self, url: URL, prefix: str) -> None:
        super().__init__()
        query = {key: value for key, value in url.query.items() if key != "ssl"}
        query |= {"sslmode": url.query["ssl"]} if "ssl" in url.query else {}
        self._url = url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)
        self._prefix = prefix
        self._listening: Any = None
        self._sending: Any = None
        self._lost = asyncio.Event()

    async def publish(self, frames: Sequence[tuple[str, bytes]]) -> None:
        if not self.is_up:
            raise ConnectionError
        channels = [self._prefix + topic for topic, _ in frames]
        # Equal frames of one statement arrive once, which is all that they are for.
        await self._sending.execute(_NOTIFY, channels, [data.decode() for _, data in frames])

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        self._listening = await self._connect()
        try:
            self._sending = await self._connect()
            self._lost.clear()
            for connection in (self._listening, self._sending):
                connection.add_termination_listener(lambda _: self._lost.set())
            yield
        finally:
            for connection in filter(None, (self._listening, self._sending)):
                connection.terminate()
            self._listening = self._sending = None

    async def _connect(self) -> Any:
        # A frame that a power cut takes away is of no use after it.
        settings = {"application_name": "repartee-wire", "synchronous_commit": "off"}
        return await asyncpg.connect(
            self._url, timeout=PATIENCE, command_timeout=PATIENCE, server_settings=settings
        )

    async def _add(self, topics: Collection[str]) -> None:
        for topic in topics:
            await self._listening.add_listener(self._prefix + topic, self._take)

    async def _remove(self, topics: Collection[str]) -> None:
        for topic in topics:
            await self._listening.remove_listener(self._prefix + topic, self._take)

    def _take(self, _connection: object, _pid: int, channel: str, frame: str) -> None:
        self._receive(channel.removeprefix(self._prefix), frame.encode())

    async def _listen(self) -> None:
        await self._lost.wait()
        raise ConnectionError

    async def _ping(self) -> None:
        await self._listening.execute("SELECT 1")
