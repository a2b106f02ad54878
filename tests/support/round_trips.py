"""A proxy before PostgreSQL that counts how often a client waits for it, and can be away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import URL, make_url


class RoundTrips:
    """`count`: how often a client has sent something after an answer, on any connection.

    `connections` are those that clients have opened, `received` the bytes that the server has sent on them.
    """

    def __init__(self, url: str) -> None:
        self._server = make_url(url)
        self._tasks: set[asyncio.Task[None]] = set()
        self.count = self.connections = self.received = 0
        self._is_away = False

    @property
    def url(self) -> str:
        return self._url.render_as_string(False)

    def leave(self) -> None:
        """Break off all connections, and refuse those that clients open, until it is back."""
        self._is_away = True
        for task in self._tasks:
            task.cancel()

    def come_back(self) -> None:
        self._is_away = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["RoundTrips"]:
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._url: URL = self._server.set(host="127.0.0.1", port=listening.sockets[0].getsockname()[1])
        yield self
        listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            if not self._is_away:
                await self._forward(reader, writer)
        finally:
            # A client that waits for a server that has broken off would wait for ever.
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asks = await asyncio.open_connection(self._server.host, self._server.port or 5432)
        was_answered = True

        async def forward() -> None:
            nonlocal was_answered
            while data := await reader.read(65536):
                self.count += was_answered
                was_answered = False
                asks.write(data)

        async def give_back() -> None:
            nonlocal was_answered
            while data := await answers.read(65536):
                was_answered = True
                self.received += len(data)
                writer.write(data)
            # The driver waits until the server hangs up.
            writer.close()

        try:
            with suppress(ConnectionError):
                await asyncio.gather(forward(), give_back())
        finally:
            asks.close()
