"""GraphQL over WebSocket: the protocol graphql-transport-ws, in full."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AbstractContextManager, aclosing, nullcontext
from functools import partial
from typing import Any, cast

from starlette.websockets import WebSocket, WebSocketDisconnect

from schema.endpoint import errors, wire
from schema.endpoint.access.gate import ENDED, Gate
from schema.endpoint.browsers import Origins
from schema.endpoint.errors import Formatted, RequestError, over_limit
from schema.endpoint.execution.operations import GraphQLRequest, Operations, PlainQuery
from schema.endpoint.execution.results import Operation
from schema.endpoint.http.answers import HTTPError
from schema.endpoint.http.open_connections import OpenConnections
from schema.endpoint.http.protocols import ON_INITIALIZED, TEXT
from schema.endpoint.socket_messages import (
    CloseSocket,
    Message,
    check_payload,
    error_of,
    id_of,
    read,
    request_of,
    too_many,
)
from services.access.errors import Unauthenticated
from services.access.identity import Identity
from services.access.issuer import IssuerUnavailable
from services.draining import ConnectionDrain
from services.settings import Settings

PROTOCOL = "graphql-transport-ws"
_FORBIDDEN = "Forbidden: "


class Sockets:
    """All open WebSockets of this process."""

    def __init__(
        self,
        operations: Operations,
        gate: Gate,
        origins: Origins,
        connections: OpenConnections,
        settings: Settings,
    ) -> None:
        self._operations = operations
        self._gate = gate
        self._origins = origins
        self._connections = connections
        self._settings = settings

    async def serve(self, websocket: WebSocket) -> None:
        try:
            self._check_origin(websocket)
            with self._connections.one_more():
                await self._run(websocket)
        except HTTPError as error:
            await websocket.send_denial_response(error.response())
        except WebSocketDisconnect:
            pass

    def _check_origin(self, websocket: WebSocket) -> None:
        if not self._origins.allows(websocket):
            origin = websocket.headers.get("origin", "")
            message = f'The origin "{origin}" is not allowed. Add it to REPARTEE_ALLOWED_ORIGINS to allow it.'
            raise HTTPError(403, message, "ORIGIN_NOT_ALLOWED")

    async def _run(self, websocket: WebSocket) -> None:
        if PROTOCOL not in websocket.scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(4406, "Subprotocol not acceptable")
            return
        await websocket.accept(PROTOCOL)
        socket = Socket(websocket, self._operations, self._gate, self._connections.drain, self._settings)
        with self._connections.drain.including(socket):
            await socket.run()


class Socket:
    """The connection of one client: reads its messages in order, and runs each operation in a task of its own."""

    def __init__(
        self,
        websocket: WebSocket,
        operations: Operations,
        gate: Gate,
        drain: ConnectionDrain,
        settings: Settings,
    ) -> None:
        self._websocket = websocket
        self._operations = operations
        self._gate = gate
        self._drain = drain
        self._max_operations = settings.max_operations
        self._max_backlog = settings.max_backlog
        self._deadline = asyncio.get_running_loop().time() + settings.read_timeout
        self._initialized = False
        self._caller: Identity | None = None
        self._held: AbstractContextManager[None] = nullcontext()
        self._ended: CloseSocket | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        # Every task that has not ended, and the operation that it has begun, if it has.
        self._tasks: dict[asyncio.Task[None], Operation | PlainQuery | None] = {}
        # Without turns all messages that wait would be written at once when the client has read a little.
        self._turns = asyncio.Lock()
        self._backlog = 0

    async def run(self) -> None:
        """Serve the client until it disconnects, breaks the protocol, or the socket is ended."""
        try:
            while True:
                # No name here keeps the last message in memory until the next one comes.
                await self._handle(*await (self._receive() if self._initialized else self._receive_in_time()))
        except CloseSocket as error:
            close = error
        finally:
            self._held.__exit__(None, None, None)
            for task in self._tasks:
                # A second cancellation would interrupt the ending of the first: a connection that is being closed.
                if not task.cancelling():
                    task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close(close)

    async def _receive_in_time(self) -> tuple[Message, int]:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            raise CloseSocket(4408, "Connection initialisation timeout") from None

    async def _receive(self) -> tuple[Message, int]:
        """Return the next message, and its length."""
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if text is None:
            raise CloseSocket(4400, "A message must be a text message, not binary")
        if self._ended:
            raise self._ended
        return read(text), len(text)

    async def _handle(self, message: Message, size: int) -> None:
        match message.get("type"):
            case "connection_init":
                await self._initialize(message)
            case "ping":
                check_payload(message)
                await self._send({"type": "pong"})
            case "pong":
                check_payload(message)
            case "subscribe":
                await self._subscribe(message, size)
            case "complete":
                self._cancel(id_of(message))
            case _:
                raise CloseSocket(4400, "Unknown message type")

    async def _initialize(self, message: Message) -> None:
        check_payload(message)
        if self._initialized:
            raise CloseSocket(4429, "Too many initialisation requests")
        self._initialized = True
        try:
            self._caller = await self._gate.caller_of_socket(self._websocket, message.get("payload"))
        except (Unauthenticated, IssuerUnavailable) as error:
            raise CloseSocket(4403, _FORBIDDEN + str(error)) from None
        ended = CloseSocket(4403, _FORBIDDEN + ENDED)
        self._held = self._gate.hold(self._caller)(partial(self._end, ended))
        self._held.__enter__()
        if allow_long_messages := self._websocket.scope.get(ON_INITIALIZED):
            allow_long_messages()
        await self._send({"type": "connection_ack"})

    @property
    def awaits_end(self) -> bool:
        return any(operation.awaits_end for operation in self._tasks.values() if operation)

    def restart(self) -> None:
        self._end(_restart())

    def _end(self, close: CloseSocket) -> None:
        """Close the socket, whose client may be silent for long, and handle no message that comes meanwhile."""
        self._ended = close
        for task in self._tasks:
            task.cancel()
        self._add_task(self._close(close))

    async def _close(self, close: CloseSocket) -> None:
        # RuntimeError: it is closed already.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.close(close.code, close.reason)

    async def _subscribe(self, message: Message, size: int) -> None:
        if self._caller is None:
            raise CloseSocket(4401, "Unauthorized")
        id = id_of(message)
        request = request_of(message, size)
        if self._drain.has_begun and not self.awaits_end:
            # What has not begun here can begin anew where the client connects next.
            raise _restart()
        if id in self._running:
            raise CloseSocket(4409, f"Subscriber for {id} already exists")
        if len(self._running) >= self._max_operations:
            await self._send(error_of(id, too_many(self._max_operations).errors))
            return
        self._running[id] = self._add_task(self._operate(id, request, self._caller))

    def _add_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    def _cancel(self, id: str) -> None:
        if task := self._running.pop(id, None):
            task.cancel()

    async def _operate(self, id: str, request: GraphQLRequest, caller: Identity) -> None:
        try:
            try:
                await self._gate.admit(caller)
                results = self._prepared(request, caller).results()
                # A document can be long, and the operation too.
                del request
                last = await self._send_results(id, results)
            except RequestError as error:
                last = error_of(id, error.errors)
            except WebSocketDisconnect:
                return
            except Exception as error:
                last = error_of(id, [errors.format_exception(error)])
            # After `complete` the id may already be that of another operation.
            if self._running.get(id) is asyncio.current_task():
                # The id is released before the last message, because the client may use it again at once.
                del self._running[id]
                await self._send(last)
        except WebSocketDisconnect:
            pass

    def _prepared(self, request: GraphQLRequest, caller: Identity) -> Operation | PlainQuery:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        operation = self._tasks[task] = self._operations.prepare(request, caller)
        return operation

    async def _send_results(self, id: str, results: AsyncGenerator[Formatted, None]) -> Message:
        """Send every result. Return the message that ends the operation."""
        async with aclosing(results):
            async for result in results:
                if "data" not in result:
                    return error_of(id, result["errors"])
                await self._send_result(wire.encode({"id": id, "type": "next", "payload": result}))
        return {"id": id, "type": "complete"}

    async def _send_result(self, encoded: bytes) -> None:
        """Send a result. Raises RequestError when too much waits already for the client to read."""
        backlog = self._backlog + len(encoded)
        if self._backlog and backlog > self._max_backlog:
            problem = "Too many bytes of results wait until this client reads"
            raise over_limit(problem, "BACKLOG_TOO_LONG", self._max_backlog, backlog)
        self._backlog = backlog
        try:
            await self._send_text(encoded)
        finally:
            self._backlog -= len(encoded)

    async def _send(self, message: Message) -> None:
        await self._send_text(wire.encode(message))

    async def _send_text(self, encoded: bytes) -> None:
        async with self._turns:
            try:
                await self._websocket.send({"type": "websocket.send", TEXT: encoded})
            except RuntimeError as error:
                # It is closed already, which is no bug of ours.
                raise WebSocketDisconnect(1006) from error


def _restart() -> CloseSocket:
    return CloseSocket(1012, "Service Restart")
