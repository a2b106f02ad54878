"""Streaming responses over HTTP: server-sent events, and Apollo's multipart subscriptions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from schema.endpoint import wire
from schema.endpoint.errors import Formatted, RequestError, internal_error
from schema.endpoint.http.media import MediaType


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
        self, results: AsyncGenerator[Formatted, None], framing: Framing, stopping: asyncio.Event
    ) -> None:
        self._results = results
        self._framing = framing
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            "content-type": self._framing.content_type,
            # Proxies must forward each event at once, without buffering or compression.
            "cache-control": "no-cache, no-transform",
            "x-accel-buffering": "no",
            "vary": "Accept",
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await _send(send, self._framing.opening)
        disconnected = asyncio.ensure_future(_disconnected(receive))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            async with aclosing(self._results) as results:
                ended = await self._send_results(results, [disconnected, stopping], send)
            if not disconnected.done():
                await _send(send, self._framing.closing if ended else b"", more=False)
        finally:
            disconnected.cancel()
            stopping.cancel()

    async def _send_results(
        self, results: AsyncGenerator[Formatted, None], ends: "list[asyncio.Future[Any]]", send: Send
    ) -> bool:
        """Send every result. Return whether it was the results that ended, and none of the other ends."""
        while True:
            upcoming = asyncio.ensure_future(_next(results))
            try:
                while not upcoming.done():
                    waiting: set[asyncio.Future[Any]] = {upcoming, *ends}
                    done, _ = await asyncio.wait(
                        waiting, timeout=self._framing.heartbeat_seconds, return_when="FIRST_COMPLETED"
                    )
                    if any(end.done() for end in ends):
                        return False
                    if not done:
                        await _send(send, self._framing.heartbeat)
            finally:
                await _cancel(upcoming)
            if (result := upcoming.result()) is None:
                return True
            await _send(send, self._framing.part(result))


async def _next(results: AsyncGenerator[Formatted, None]) -> Formatted | None:
    try:
        return await anext(results, None)
    except RequestError as error:
        return {"errors": error.errors}
    except Exception as error:
        return {"errors": [internal_error(error)]}


async def _cancel(task: "asyncio.Future[Formatted | None]") -> None:
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, body: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
