"""Fake provider: a real HTTP server whose answers are scripted byte by byte."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Answer:
    """Response that a script writes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
        self._reader = reader
        self._writer = writer
        self.request = request

    async def whole(self, status: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._head(status, {"Content-Length": str(len(content)), **headers})
        self._writer.write(content)
        await self._writer.drain()

    async def begin(self) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        await self._writer.drain()

    async def bytes(self, content: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(content), content))
        await self._writer.drain()

    async def event(self, data: Any) -> None:
        await self.bytes(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    async def delta(self, content: str | None = None, finish: str | None = None, **delta: Any) -> None:
        choice = {"index": 0, "delta": {"content": content, **delta}, "finish_reason": finish}
        await self.event({"model": "tale-1", "choices": [choice]})

    async def usage(self, read: int, written: int) -> None:
        usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        await self.event({"model": "tale-1", "choices": [], "usage": usage})

    async def done(self) -> None:
        await self.event("[DONE]")
        await self.end()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def reset(self) -> None:
        self._writer.transport.abort()

    async def until_closed(self) -> None:
        """Waits until the client has closed the connection."""
        with suppress(ConnectionError):
            while await self._reader.read(1024):
                pass

    def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = [
            f"HTTP/1.1 {status} X",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())


Script = Callable[[Answer], Awaitable[None]]


async def tell(answer: Answer) -> None:
    """Script of a provider that works."""
    await answer.begin()
    for word in ("Once", " upon", " a time."):
        await answer.delta(word)
    await answer.delta(finish="stop")
    await answer.usage(11, 3)
    await answer.done()


def saying(*contents: str, finish: str = "stop") -> Script:
    """Returns the script of a reply with the given texts."""

    async def script(answer: Answer) -> None:
        await answer.begin()
        for content in contents:
            await answer.delta(content)
        await answer.delta(finish=finish)
        await answer.done()

    return script


class FakeProvider:
    """HTTP server that runs one script for each request, and the last one for all further requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.scripts: list[Script] = [tell]
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}/v1"

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def plays(self, *scripts: Script) -> None:
        self.scripts = list(scripts)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            request = await _read(reader)
            self.requests.append(request)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            await script(Answer(reader, writer, request))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, json.loads(content) if content else None)
