"""uvicorn's protocols with limits for clients that send slowly or too much, or do not read.

One sweep a second looks at all connections; a timer for each request would take time of every small query.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import (
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.http11 import Request
from websockets.protocol import State

from schema.endpoint.http.answers import BODY, HTTPError
from schema.endpoint.http.turns import TurnTransport

# Bytes of a request before its body, and of a WebSocket before its connection_init.
MAX_HEAD = 64 * 1024
# Bytes a second that a request or message must have when it takes longer than the time that each gets.
MIN_RATE = 16 * 1024

# The key in the scope of a request of what the protocol calls when the client disconnects.
ON_DISCONNECT = "repartee.on_disconnect"
# The key in the scope of a WebSocket of what allows its client longer messages.
ON_INITIALIZED = "repartee.on_initialized"
# The key, in a message to a WebSocket, of a text that is encoded already.
TEXT = "repartee.text"
_EXTENSIONS: dict[str, dict[object, object]] = {BODY: {}}


class _Progress:
    """How a client sends and reads. `began` is when it began to send; None: it has nothing to send."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    began: float | None = None
    received = 0
    _unread = 0
    _last_read: float | None = None

    def expect(self) -> None:
        """Give the client time from now on to send what comes next."""
        self.began, self.received = self.loop.time(), 0

    def is_late(self, now: float, seconds: float) -> bool:
        return self.began is not None and now - self.began > seconds + self.received / MIN_RATE

    def resume_writing(self) -> None:
        super().resume_writing()  # type: ignore[misc]
        self._last_read = self.loop.time()

    def is_stuck(self, now: float, seconds: float) -> bool:
        """Return whether the client has read nothing for that long, as seen by regular calls."""
        try:
            unread = self.transport.get_write_buffer_size()
        except RuntimeError:
            # A transport of uvloop that is closed, of which the protocol has not been told yet.
            return False
        if self._last_read is None or unread == 0 or unread < self._unread:
            self._last_read = now
        self._unread = unread
        return unread > 0 and now - self._last_read > seconds


class Cycle(RequestResponseCycle):
    """A request and its response. One that starts with its BODY is sent whole, with less work."""

    async def send(self, message: Any) -> None:
        if BODY not in message:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self._send_whole(message["status"], list(message["headers"]), message[BODY])

    def _send_whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        if HEADER_VALUE_RE.search(b"".join(map(b"".join, headers))):
            raise RuntimeError("Invalid HTTP header.")
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], lines, body))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class HTTPProtocol(_Progress, HttpToolsProtocol):
    _is_next_last = False

    @property
    def awaits_first_request(self) -> bool:
        return self.scope is None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, TurnTransport(transport, self.loop)))
        self.expect()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.cycle and (call := self.cycle.scope.pop(ON_DISCONNECT, None)):  # type: ignore[misc]
            call()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.received += len(data)
        if self.received > MAX_HEAD and self.scope and "method" not in self.scope:
            message = f"The head of the request is too long; the limit is {MAX_HEAD:,} bytes."
            _refuse(self.transport, HTTPError(431, message, "HEAD_TOO_LONG"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = _EXTENSIONS
        self.expect()

    def on_headers_complete(self) -> None:
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            # uvicorn has no setting for the class of what it has made here, and not begun yet.
            self.cycle.__class__ = Cycle
            self.cycle.keep_alive = self.cycle.keep_alive and not self._is_next_last

    def end_after_next_answer(self) -> None:
        """Let the client, which may be a proxy that keeps connections, send what comes later elsewhere.

        A connection that were closed at once might have a request on its way, which would be lost.
        """
        self._is_next_last = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.began = None
        if self.cycle and self.cycle.response_complete:
            self.expect()

    def on_response_complete(self) -> None:
        """As uvicorn's, but without a timer for each request: the sweep ends connections without one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.began is None:
            self.expect()

    @property
    def _is_between_requests(self) -> bool:
        return self.received == 0 and self.cycle is not None and self.cycle.response_complete

    def is_late(self, now: float, seconds: float) -> bool:
        if self.flow.read_paused:
            self.expect()
        if self._is_between_requests:
            seconds = min(seconds, self.timeout_keep_alive)
        return super().is_late(now, seconds)

    def end_late(self) -> None:
        is_answered = self.cycle is not None and self.cycle.response_started
        if self.received and not is_answered:
            _refuse(self.transport, HTTPError(408, "The request did not arrive in time.", "REQUEST_TIMEOUT"))
        self.transport.close()


class _Inbox:
    """What uvicorn uses of asyncio.Queue, which would be a tenth of the memory of an open WebSocket."""

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._waiting: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self._messages

    def put_nowait(self, message: Any) -> None:
        self._messages.append(message)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def get(self) -> Any:
        """Return the next message, to one who waits for it."""
        while not self._messages:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._messages.pop(0)


class WebSocketProtocol(_Progress, WebSocketsSansIOProtocol):
    _is_initialized = False
    _before_init = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.queue = _Inbox()  # type: ignore[assignment]

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.handshake_complete:
            self.scope[ON_INITIALIZED] = self._initialized  # type: ignore[literal-required]

    def _initialized(self) -> None:
        self._is_initialized, self._before_init = True, 0
        # A tenth of the memory of an open WebSocket, which uvicorn needs for the handshake alone.
        del self.request, self.response

    async def send(self, message: Any) -> None:
        if TEXT not in message:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.conn.state is not State.OPEN:
            raise ClientDisconnected
        self.conn.send_text(message[TEXT])
        self.transport.write(b"".join(self.conn.data_to_send()))

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # uvicorn does not look at that, and would leave the connection open.
            message = "The request for a WebSocket is malformed, or a line of its head has more than 8,192 bytes."
            _refuse(self.transport, HTTPError(400, message))
            return
        self._before_init += 0 if self._is_initialized else len(data)
        # What comes together with a connection_init waits until that has been read.
        if self._before_init > MAX_HEAD and not self.read_paused:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "Too many bytes before connection_init")
        is_within_message = bool(self.conn.reader.buffer) or self.conn.current_size is not None
        if not is_within_message:
            self.began = None
        elif self.began is None:
            self.expect()

    def is_late(self, now: float, seconds: float) -> bool:
        if self.read_paused and self.began is not None:
            self.expect()
        return super().is_late(now, seconds)

    def end_late(self) -> None:
        self._fail(CloseCode.POLICY_VIOLATION, "Message not complete in time")

    def _fail(self, code: CloseCode, reason: str) -> None:
        if self.handshake_complete and not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()
        self.transport.close()


def _refuse(transport: asyncio.Transport, error: HTTPError) -> None:
    """Answer without the app, and close the connection."""
    response = error.response()
    headers = [*response.raw_headers, (b"connection", b"close")]
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    transport.write(STATUS_LINE[error.status] + lines + b"\r\n" + bytes(response.body))
    transport.close()


Protocol = HTTPProtocol | WebSocketProtocol


def end_overdue(connections: Iterable[Protocol], now: float, read_timeout: float, send_timeout: float) -> None:
    """End the connections whose clients are late or have read nothing for long. Must be called regularly."""
    for connection in connections:
        if connection.is_stuck(now, send_timeout):
            # A close would wait until the client has read the rest.
            connection.transport.abort()
        elif not connection.transport.is_closing() and connection.is_late(now, read_timeout):
            connection.end_late()
