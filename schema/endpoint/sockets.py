"""WebSockets that carry operations: the protocol graphql-transport-ws, to the letter."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from schema.endpoint import errors, wire
from schema.endpoint.answers import Fault
from schema.endpoint.browsers import Origins
from schema.endpoint.errors import Formatted, RequestError, refused
from schema.endpoint.operations import GraphQLRequest, Operations
from schema.endpoint.requests import MalformedRequest, from_mapping

PROTOCOL = "graphql-transport-ws"
# Seconds in which a client must introduce itself.
PATIENCE = 10.0
_MAX_ID = 256
_MAX_REASON = 123

Message = dict[str, Any]


class Sockets:
    """All open sockets of this process."""

    def __init__(
        self,
        operations: Operations,
        origins: Origins,
        max_sockets: int,
        max_operations: int,
        patience: float = PATIENCE,
    ) -> None:
        self._operations = operations
        self._origins = origins
        self._max_sockets = max_sockets
        self._max_operations = max_operations
        self._patience = patience
        self._open = 0

    async def serve(self, websocket: WebSocket) -> None:
        if fault := self._objection(websocket):
            await websocket.send_denial_response(fault.response())
            return
        self._open += 1
        try:
            if PROTOCOL not in websocket.scope["subprotocols"]:
                await websocket.accept()
                await websocket.close(4406, "Subprotocol not acceptable")
                return
            await websocket.accept(PROTOCOL)
            await Socket(websocket, self._operations, self._max_operations, self._patience).run()
        except WebSocketDisconnect:
            pass
        finally:
            self._open -= 1

    def _objection(self, websocket: WebSocket) -> Fault | None:
        if not self._origins.admits(websocket):
            message = "Pages of this origin may not ask here. REPARTEE_ALLOWED_ORIGINS lists those that may."
            return Fault(403, message, "ORIGIN_NOT_ALLOWED")
        if self._open >= self._max_sockets:
            return Fault(503, "There are too many WebSockets.", "TOO_MANY_SOCKETS", **{"Retry-After": "5"})
        return None


class _Closing(Exception):
    """The socket is to be closed, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_MAX_REASON].decode(errors="ignore")


class Socket:
    """One client's connection: it reads messages in their order, and runs each operation in a task of its own."""

    def __init__(self, websocket: WebSocket, operations: Operations, max_operations: int, patience: float) -> None:
        self._websocket = websocket
        self._operations = operations
        self._max_operations = max_operations
        self._deadline = asyncio.get_running_loop().time() + patience
        self._initialised = False
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve the client until it leaves or has to be sent away."""
        try:
            while True:
                await self._handle(_read(await self._receive()))
        except _Closing as closing:
            farewell = closing
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._websocket.close(farewell.code, farewell.reason)

    async def _receive(self) -> str:
        try:
            async with asyncio.timeout_at(None if self._initialised else self._deadline):
                message = await self._websocket.receive()
        except TimeoutError:
            raise _Closing(4408, "Connection initialisation timeout") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        if text is None:
            raise _Closing(4400, "A message must be text")
        return str(text)

    async def _handle(self, message: Message) -> None:
        match message.get("type"):
            case "connection_init":
                await self._initialise(message)
            case "ping":
                _check_payload(message)
                await self._send({"type": "pong"})
            case "pong":
                _check_payload(message)
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                self._forget(_id(message))
            case _:
                raise _Closing(4400, "Unknown type of message")

    async def _initialise(self, message: Message) -> None:
        _check_payload(message)
        if self._initialised:
            raise _Closing(4429, "Too many initialisation requests")
        self._initialised = True
        await self._send({"type": "connection_ack"})

    async def _subscribe(self, message: Message) -> None:
        if not self._initialised:
            raise _Closing(4401, "Unauthorized")
        id = _id(message)
        request = _request(message)
        if id in self._running:
            raise _Closing(4409, f"Subscriber for {id} already exists")
        if len(self._running) >= self._max_operations:
            await self._send(_error(id, _too_many(self._max_operations).errors))
            return
        task = asyncio.create_task(self._operate(id, request))
        self._running[id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, id: str) -> None:
        if task := self._running.pop(id, None):
            task.cancel()

    async def _operate(self, id: str, request: GraphQLRequest) -> None:
        try:
            try:
                last = await self._pass_on(id, self._operations.prepare(request).results())
            except RequestError as error:
                last = _error(id, error.errors)
            except WebSocketDisconnect:
                return
            except Exception as error:
                last = _error(id, [errors.internal(error)])
            # The id is free before the client knows: it may use it again at once.
            self._running.pop(id, None)
            await self._send(last)
        except WebSocketDisconnect:
            pass

    async def _pass_on(self, id: str, results: AsyncGenerator[Formatted, None]) -> Message:
        """Send every result, and return the message that ends the operation."""
        async with aclosing(results):
            async for result in results:
                if "data" not in result:
                    return _error(id, result["errors"])
                await self._send({"id": id, "type": "next", "payload": result})
        return {"id": id, "type": "complete"}

    async def _send(self, message: Message) -> None:
        await self._websocket.send_text(wire.encode(message).decode())


def _read(text: str) -> Message:
    try:
        message = wire.decode(text)
    except wire.MalformedText as error:
        raise _Closing(4400, str(error)) from None
    if not isinstance(message, dict):
        raise _Closing(4400, "A message must be an object")
    return message


def _id(message: Message) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _MAX_ID:
        raise _Closing(4400, f"An id must be a text of 1 to {_MAX_ID} characters")
    return id


def _request(message: Message) -> GraphQLRequest:
    payload = message.get("payload")
    if not isinstance(payload, dict):
        raise _Closing(4400, "The payload must be an object")
    try:
        return from_mapping(payload)
    except MalformedRequest as error:
        raise _Closing(4400, str(error)) from None


def _check_payload(message: Message) -> None:
    if not isinstance(message.get("payload"), dict | None):
        raise _Closing(4400, "The payload must be an object")


def _error(id: str, found: list[Formatted]) -> Message:
    return {"id": id, "type": "error", "payload": found}


def _too_many(limit: int) -> RequestError:
    message = f"This socket runs {limit} operations already, and takes no more."
    return refused(message, "TOO_MANY_OPERATIONS", limit=limit, actual=limit + 1)
