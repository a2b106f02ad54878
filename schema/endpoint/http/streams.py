"""Streaming responses over HTTP: server-sent events, and Apollo's multipart subscriptions."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from schema.endpoint import wire
from schema.endpoint.access.gate import Hold, ended
from schema.endpoint.errors import Formatted, RequestError, format_exception
from schema.endpoint.http.answers import UNCACHED, HTTPError
from schema.endpoint.http.media import MediaType
from schema.endpoint.http.open_connections import OpenConnections


@dataclass(frozen=True)
class Framing:
    """The format of a stream. After `heartbeat_seconds` without a result, `heartbeat` is sent."""

    content_type: str
    opening: bytes
    prefix: bytes
    suffix: bytes
    closing: bytes
    heartbeat: bytes
    heartbeat_seconds: float
    in_payload: bool = False

    def part(self, result: Formatted) -> bytes:
        return self.prefix + wire.encode({"payload": result} if self.in_payload else result) + self.suffix


# Lines end with LF because some clients do not support CRLF; browsers ignore events without data.
SERVER_SENT_EVENTS = Framing(
    content_type="text/event-stream; charset=utf-8",
    opening=b":\n\n",
    prefix=b"event: next\ndata: ",
    suffix=b"\n\n",
    closing=b"event: complete\ndata: \n\n",
    heartbeat=b":\n\n",
    heartbeat_seconds=12,
)
_HEAD = b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
MULTIPART = Framing(
    content_type='multipart/mixed; boundary="graphql"; subscriptionSpec=1.0',
    opening=b"--graphql",
    prefix=_HEAD,
    suffix=b"\r\n--graphql",
    closing=b"--\r\n",
    heartbeat=_HEAD + b"{}\r\n--graphql",
    heartbeat_seconds=5,
    in_payload=True,
)
FRAMINGS = {MediaType.EVENT_STREAM: SERVER_SENT_EVENTS, MediaType.MULTIPART: MULTIPART}


class StreamResponse:
    """An ASGI response that ends with its results, when the client disconnects, or when the server stops.

    Where the server stops it ends without the framing's end, so that the client knows that there is more.
    """

    def __init__(
        self,
        results: AsyncGenerator[Formatted, None],
        framing: Framing,
        connections: OpenConnections,
        hold: Hold,
        awaits_end: Callable[[], bool],
    ) -> None:
        self._results = results
        self._framing = framing
        self._connections = connections
        self._hold = hold
        self._awaits_end = awaits_end
        self._granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._restarted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_sending = False
        self._last_sent = asyncio.get_running_loop().time()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._connections.one_more(), self._connections.drain.including(self), self._hold(self._end):
                await self._stream(receive, send)
        except HTTPError as error:
            await error.response()(scope, receive, send)

    def _end(self) -> None:
        if not self._granted.done():
            self._granted.set_result(None)

    @property
    def awaits_end(self) -> bool:
        return self._awaits_end()

    def restart(self) -> None:
        if not self._restarted.done():
            self._restarted.set_result(None)

    async def _stream(self, receive: Receive, send: Send) -> None:
        headers = {
            **UNCACHED,
            "content-type": self._framing.content_type,
            # Proxies must forward each event at once, without buffering or compression.
            "cache-control": "no-store, no-transform",
            "x-accel-buffering": "no",
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await _send(send, self._framing.opening)
        async with aclosing(self._results) as results:
            sending = asyncio.create_task(self._send_results(results, send))
            disconnected = asyncio.create_task(_disconnected(receive))
            tasks: list[asyncio.Future[Any]] = [sending, disconnected, self._restarted, self._granted]
            try:
                done = await self._first_done(tasks, send)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        if disconnected in done:
            return
        if sending in done:
            sending.result()
        if self._granted in done:
            await _send(send, self._framing.part({"errors": [ended()]}))
        is_complete = sending in done or self._granted in done
        await _send(send, self._framing.closing if is_complete else b"", more=False)

    async def _first_done(self, tasks: "list[asyncio.Future[Any]]", send: Send) -> "set[asyncio.Future[Any]]":
        """Return the tasks that are done first; until then send a heartbeat whenever there is a silence."""
        loop, seconds = asyncio.get_running_loop(), self._framing.heartbeat_seconds
        while True:
            silence = 0 if self._is_sending else loop.time() - self._last_sent
            if silence >= seconds:
                await self._send(send, self._framing.heartbeat)
                continue
            done, _ = await asyncio.wait(tasks, timeout=seconds - silence, return_when="FIRST_COMPLETED")
            if done:
                return done

    async def _send_results(self, results: AsyncGenerator[Formatted, None], send: Send) -> None:
        async with aclosing(_with_errors(results)) as complete:
            async for result in complete:
                await self._send(send, self._framing.part(result))

    async def _send(self, send: Send, body: bytes) -> None:
        self._is_sending = True
        await _send(send, body)
        self._is_sending = False
        self._last_sent = asyncio.get_running_loop().time()


async def _with_errors(results: AsyncGenerator[Formatted, None]) -> AsyncGenerator[Formatted, None]:
    """Yield the results, and as the last one the error that ends them."""
    try:
        async for result in results:
            yield result
    except RequestError as error:
        yield {"errors": error.errors}
    except Exception as error:
        yield {"errors": [format_exception(error)]}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, body: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
