"""A load balancer: one address for several servers, to each of which it leads in turn while it can be reached."""

import asyncio
from contextlib import suppress
from itertools import cycle
from types import TracebackType

import httpx2

from tests.support.client import Client


class Balancer:
    def __init__(self, *clients: Client) -> None:
        self._ports = [httpx2.URL(client.url).port for client in clients]
        self._next = cycle(range(len(self._ports)))
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError):
                further, back = await self._connect()
                await asyncio.gather(_pass_on(reader, back), _pass_on(further, writer))
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in self._ports:
            with suppress(ConnectionError):
                return await asyncio.open_connection("127.0.0.1", self._ports[next(self._next)])
        raise ConnectionRefusedError


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
