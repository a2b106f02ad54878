"""Results as a stream over HTTP: server-sent events, and Apollo's multipart subscriptions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from schema.endpoint import wire
from schema.endpoint.errors import Formatted, RequestError, internal
from schema.endpoint.media import Media


@dataclass(frozen=True)
class Framing:
    """How one kind of stream writes its parts; `heartbeat` after so many seconds in which nothing else came."""

    content_type: str
    opening: bytes
    before: bytes
    after: bytes
    closing: bytes
    heartbeat: bytes
    seconds: float
    wrapped: bool = False

    def part(self, result: Formatted) -> bytes:
        return self.before + wire.encode({"payload": result} if self.wrapped else result) + self.after


# Lines end with LF, and each event has data: some clients know no CRLF, and browsers drop events without data.
EVENTS = Framing(
    content_type="text/event-stream; charset=utf-8",
    opening=b":\n\n",
    before=b"event: next\ndata: ",
    after=b"\n\n",
    closing=b"event: complete\ndata: \n\n",
    heartbeat=b":\n\n",
    seconds=12,
)
_HEAD = b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
PARTS = Framing(
    content_type='multipart/mixed; boundary="graphql"; subscriptionSpec=1.0',
    opening=b"--graphql",
    before=_HEAD,
    after=b"\r\n--graphql",
    closing=b"--\r\n",
    heartbeat=_HEAD + b"{}\r\n--graphql",
    seconds=5,
    wrapped=True,
)
FRAMINGS = {Media.EVENTS: EVENTS, Media.PARTS: PARTS}


class StreamResponse:
    """An ASGI response that ends when the results do, or when the client leaves."""

    def __init__(self, results: AsyncGenerator[Formatted, None], framing: Framing) -> None:
        self._results = results
        self._framing = framing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            "content-type": self._framing.content_type,
            # Whatever stands between must pass each event on at once.
            "cache-control": "no-cache, no-transform",
            "x-accel-buffering": "no",
            "vary": "Accept",
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await _send(send, self._framing.opening)
        left = asyncio.ensure_future(_left(receive))
        try:
            async with aclosing(self._results) as results:
                if await self._pass_on(results, left, send):
                    await _send(send, self._framing.closing, more=False)
        finally:
            left.cancel()

    async def _pass_on(
        self, results: AsyncGenerator[Formatted, None], left: "asyncio.Future[None]", send: Send
    ) -> bool:
        """Send every result; tell whether the client is there to the end."""
        while True:
            upcoming = asyncio.ensure_future(_next(results))
            try:
                while not upcoming.done():
                    waiting: set[asyncio.Future[Any]] = {upcoming, left}
                    done, _ = await asyncio.wait(
                        waiting, timeout=self._framing.seconds, return_when="FIRST_COMPLETED"
                    )
                    if left.done():
                        return False
                    if not done:
                        await _send(send, self._framing.heartbeat)
            finally:
                await _ended(upcoming)
            if (result := upcoming.result()) is None:
                return True
            await _send(send, self._framing.part(result))


async def _next(results: AsyncGenerator[Formatted, None]) -> Formatted | None:
    try:
        return await anext(results, None)
    except RequestError as error:
        return {"errors": error.errors}
    except Exception as error:
        return {"errors": [internal(error)]}


async def _ended(task: "asyncio.Future[Formatted | None]") -> None:
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, body: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
