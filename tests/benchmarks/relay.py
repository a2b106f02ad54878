"""A relay that keeps nothing: each subscription asks an engine, and each of its tokens is sent as an event.

It has no database, no GraphQL and no stream that can be resumed: what an event costs here is what Python, uvloop
and the system leave to be had. `python -m tests.benchmarks.relay URL` relays that engine, and prints its own URL.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

import orjson
import uvloop

from tests.support.processes import module

_UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_BODY = b'{"stream": true, "messages": []}'
_ASKED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: engine\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)


class _Watcher(asyncio.Protocol):
    def __init__(self, engine: str) -> None:
        self._engine = urlsplit(engine)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET"):
            self._transport.write(_UPGRADED)
        # The mask of these clients is zeros.
        if b"connection_init" in data:
            self._send({"type": "connection_ack"})
        if b'"subscribe"' in data:
            loop = asyncio.get_running_loop()
            connecting = loop.create_connection(lambda: _Reply(self), self._engine.hostname, self._engine.port)
            self._asking = loop.create_task(connecting)

    def tell(self, event: dict[str, object]) -> None:
        self._send({"id": "1", "type": "next", "payload": {"data": {"replyStream": event}}})

    def _send(self, message: dict[str, object]) -> None:
        payload = orjson.dumps(message)
        size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
        self._transport.write(b"\x81" + size + payload)


class _Reply(asyncio.Protocol):
    def __init__(self, watcher: _Watcher) -> None:
        self._watcher = watcher
        self._length = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(_ASKED)

    def data_received(self, data: bytes) -> None:
        for line in data.split(b"\n"):
            if line.startswith(b"data: {"):
                [choice] = orjson.loads(line[6:])["choices"]
                self._tell(choice["delta"]["content"], choice["finish_reason"])

    def _tell(self, text: str | None, finish: str | None) -> None:
        if text:
            cursor, self._length = f"c.{self._length}", self._length + len(text)
            self._watcher.tell({"__typename": "ReplyDelta", "cursor": cursor, "messageId": "m", "delta": text})
        if finish:
            self._watcher.tell({"__typename": "ReplyFinished", "cursor": "c", "messageId": "m"})


@asynccontextmanager
async def relay(engine: str) -> AsyncIterator[tuple[int, str]]:
    """Starts the relay in a process of its own, and gives its pid and its URL."""
    async with module("tests.benchmarks.relay", engine) as process:
        assert process.stdout is not None
        yield process.pid, (await process.stdout.readline()).decode().strip()


async def _main(engine: str) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Watcher(engine), "127.0.0.1", 0, backlog=2048)
    print("http://{}:{}/graphql".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1]))
