"""TCP in the middle: a load balancer for several servers, or a line to one of them that can be cut."""

import asyncio
from contextlib import suppress
from itertools import cycle
from types import TracebackType

import httpx2

from tests.support.client import Client


class Balancer:
    """One address for several ports, to each of which it leads in turn while it can be reached."""

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)
        self._turns = cycle(range(1 << 30))
        self._lines: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self.is_cut = False

    @classmethod
    def of(cls, *clients: Client) -> "Balancer":
        return cls(*(httpx2.URL(client.url).port or 80 for client in clients))

    async def open(self) -> int:
        """Returns its port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """Ends all connections; from now on there are no others until `is_cut` is False again."""
        self.is_cut = True
        tasks = list(self._lines)
        for task in tasks:
            for writer in self._lines[task]:
                writer.transport.abort()
        await asyncio.gather(*tasks)

    async def __aenter__(self) -> str:
        return f"http://127.0.0.1:{await self.open()}"

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ends = self._lines[task] = [writer]
        try:
            with suppress(OSError):
                further, back = await self._connect()
                ends.append(back)
                await asyncio.gather(_pass_on(reader, back), _pass_on(further, writer))
        finally:
            del self._lines[task]
            for one in ends:
                one.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(0 if self.is_cut else len(self.ports)):
            with suppress(ConnectionError):
                return await asyncio.open_connection("127.0.0.1", self.ports[next(self._turns) % len(self.ports)])
        raise ConnectionRefusedError


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
