"""GraphQL endpoint: one URL for JSON responses, streams, WebSockets and the playground; beside it a chat page."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from functools import partial

from graphql import OperationType
from starlette.datastructures import QueryParams
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from resolvers.context import Context
from schema import schema
from schema.endpoint import errors
from schema.endpoint.access.export import Export
from schema.endpoint.access.form import form
from schema.endpoint.access.gate import ENDED, Gate, refusal
from schema.endpoint.access.session import Session
from schema.endpoint.browsers import FORWARDING, Hosts, Origins, TrustedHosts, cors_middleware
from schema.endpoint.documents.limits import Limits
from schema.endpoint.documents.trusted import Documents
from schema.endpoint.errors import Formatted, RequestError
from schema.endpoint.execution.operations import Operations, PlainQuery
from schema.endpoint.execution.results import Operation
from schema.endpoint.http import requests
from schema.endpoint.http.answers import METHODS, Answer, HTTPError, not_acceptable, not_allowed
from schema.endpoint.http.media import ANSWERS, STREAMS, MediaType, accepted_types
from schema.endpoint.http.open_connections import OpenConnections
from schema.endpoint.http.protocols import ON_DISCONNECT
from schema.endpoint.http.streams import FRAMINGS, StreamResponse
from schema.endpoint.pages import chat_page, playground
from schema.endpoint.request_ids import RequestIds
from schema.endpoint.websocket import Sockets
from services import Services
from services.access.errors import Unauthenticated
from services.access.identity import Identity
from services.measures import figure

# Seconds that a mutation has to answer once its credential has ended.
_GRACE_SECONDS = 0.5
# A GET request with none of these parameters has no operation: a browser gets the playground.
_OPERATION_PARAMETERS = ("query", "documentId", "extensions")
_WITH_PAGE = (*ANSWERS, MediaType.HTML)
_TRANSPORTS = "text/event-stream, multipart/mixed;subscriptionSpec=1.0, or a WebSocket (graphql-transport-ws)"


class GraphQLEndpoint:
    """The ASGI app of the API. Raises DocumentsError when the trusted documents cannot be read."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        documents = Documents.read(settings.documents_file, settings.documents_only)
        self._max_body = settings.max_body
        self._operations = Operations(schema, Limits.of(settings), documents, partial(Context, services))
        self._playground = playground()
        self._chat = chat_page()
        self._origins = Origins(settings.allowed_origins)
        self._hosts = Hosts.of(settings)
        self._gate = Gate(services)
        self._session = Session(self._gate, services.access, self._origins)
        self._connections = OpenConnections(settings.max_connections, services.connections)
        services.measures.figures["open_connections"] = figure(
            "Open WebSockets and streams over HTTP.", lambda: self._connections.count
        )
        self._export = Export(self._gate, services.export, self._origins, self._connections)
        self._sockets = Sockets(self._operations, self._gate, self._origins, self._connections, settings)
        # Nobody said that the server shall be open; it is, as it seems to be reached from its own machine only.
        self._is_for_one = settings.access is None and self._gate.everybody is not None

    def routes(self, path: str) -> list[BaseRoute]:
        """Return the routes to this endpoint and to both pages."""
        return [
            Route(path, self, middleware=cors_middleware(self._origins)),
            self._session.route(),
            self._export.route(),
            form(),
            Mount("/playground", routes=self._playground.routes()),
            Route("/", self._chat.home),
            Mount("/chat", routes=self._chat.routes()),
        ]

    def middleware(self, path: str) -> list[Middleware]:
        """Return the middleware that every route of the server needs."""
        hosts = Middleware(TrustedHosts, hosts=self._hosts, refused=FORWARDING if self._is_for_one else ())
        # With allowed origins the route has a middleware of its own, which is for HTTP alone.
        types = {"websocket"} if self._origins.allowed else {"http", "websocket"}
        return [Middleware(RequestIds), hosts, Middleware(Shortcut, types=types, path=path, endpoint=self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets.serve(WebSocket(scope, receive, send))
            return
        response = await self._response(scope, receive)
        await response(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive) -> ASGIApp:
        accepted: Sequence[MediaType] = ()
        if scope["method"] == "OPTIONS":
            return Response(status_code=204, headers={"Allow": METHODS})
        try:
            accepted = _accepted_types(scope)
            is_page = accepted[0] is MediaType.HTML
            if scope["method"] == "GET":
                self._origins.check_get(Request(scope), is_page)
            if is_page:
                return await self._playground.page(Request(scope))
            return await self._execute(scope, receive, accepted)
        except HTTPError as error:
            return error.response(_error_type(accepted))
        except RequestError as error:
            return Answer({"errors": error.errors}, _error_type(accepted))
        except _Disconnected:
            return _no_answer
        except Exception as error:
            return Answer({"errors": [errors.format_exception(error)]}, _error_type(accepted))

    async def _execute(self, scope: Scope, receive: Receive, accepted: Sequence[MediaType]) -> ASGIApp:
        caller = self._gate.everybody or await self._gate.caller(scope)
        request = await requests.read(scope, receive, self._max_body)
        try:
            if caller is not self._gate.everybody:
                await self._gate.admit(caller)
            operation = self._operations.prepare(request, caller)
        except RequestError as error:
            if status := _STATUSES.get(error.code):
                raise HTTPError(status, str(error), error.code, **_retry_after(error)) from None
            if accepted[0] in STREAMS:
                return self._stream(_single(error), accepted[0], caller, lambda: True)
            raise
        if scope["method"] == "GET" and operation.type is OperationType.MUTATION:
            raise not_allowed("A mutation must be sent by POST, not GET.", "POST")
        media = _result_type(operation, accepted)
        if media in STREAMS:
            return self._stream(operation.results(), media, caller, lambda: operation.awaits_end)
        if operation.type is OperationType.QUERY:
            return Answer(await _while_connected(scope, operation), media)
        return Answer(await self._mutate(operation, caller), media)

    async def _mutate(self, operation: Operation | PlainQuery, caller: Identity) -> Formatted:
        """Execute a mutation; it may wait long for a reply, which goes on without the caller.

        One that ends the credential that it came by has time to say so.
        """
        if caller is self._gate.everybody:
            return await operation.result()
        loop, task = asyncio.get_running_loop(), asyncio.create_task(operation.result())
        try:
            with self._gate.hold(caller)(lambda: loop.call_later(_GRACE_SECONDS, task.cancel)):
                await asyncio.wait([task])
        finally:
            task.cancel()
        if task.cancelled():
            raise refusal(Unauthenticated(ENDED))
        return task.result()

    def _stream(
        self,
        results: AsyncGenerator[Formatted, None],
        media: MediaType,
        caller: Identity,
        awaits_end: Callable[[], bool],
    ) -> ASGIApp:
        hold = self._gate.hold(caller)
        return StreamResponse(results, FRAMINGS[media], self._connections, hold, awaits_end)


# Request errors that have a status of their own, in any media type.
_STATUSES = {errors.PAYLOAD_TOO_LARGE: 413, errors.FORBIDDEN: 403, errors.TOO_MANY_OPERATIONS: 429}


def _retry_after(error: RequestError) -> dict[str, str]:
    seconds = error.errors[0]["extensions"].get("retryAfterSeconds")
    return {} if seconds is None else {"Retry-After": str(seconds)}


class Shortcut:
    """ASGI middleware that leads requests of some types, for one path, past routing.

    It takes a tenth of a small query, and a tenth of the memory of a WebSocket.
    """

    def __init__(self, app: ASGIApp, types: Collection[str], path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._types = types
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_here = scope["type"] in self._types and scope["path"] == self._path
        await (self._endpoint if is_here else self._app)(scope, receive, send)


def _accepted_types(scope: Scope) -> Sequence[MediaType]:
    """Return the media types for the response, the best first. Raises HTTPError."""
    method = scope["method"]
    if method not in ("GET", "POST"):
        raise not_allowed(f"{method} is not supported; send queries by GET or POST, and mutations by POST.")
    has_operation = method == "POST" or any(
        name in QueryParams(scope["query_string"]) for name in _OPERATION_PARAMETERS
    )
    accepted = accepted_types(requests.header(scope, b"accept"), ANSWERS if has_operation else _WITH_PAGE)
    if not accepted:
        raise not_acceptable(f"None of the accepted media types is supported; accept one of {', '.join(ANSWERS)}.")
    return accepted


def _error_type(accepted: Sequence[MediaType]) -> MediaType:
    """Return the media type for the errors of a request that is not executed."""
    return next((one for one in accepted if one not in (*STREAMS, MediaType.HTML)), MediaType.JSON)


def _result_type(operation: Operation | PlainQuery, accepted: Sequence[MediaType]) -> MediaType:
    """Return the media type for the results of the operation. Raises HTTPError."""
    if operation.type is not OperationType.SUBSCRIPTION:
        return accepted[0]
    for media in accepted:
        if media in STREAMS:
            return media
    raise not_acceptable(f"A subscription has many results and needs a stream; accept {_TRANSPORTS}.")


async def _while_connected(scope: Scope, operation: Operation | PlainQuery) -> Formatted:
    """Execute a query. Raises _Disconnected when the client leaves, for whom nothing more is read.

    To listen for that as streams do would need another task for each query.
    """
    task = asyncio.current_task()
    assert task
    scope[ON_DISCONNECT] = task.cancel
    try:
        return await operation.result()
    except asyncio.CancelledError:
        if ON_DISCONNECT in scope:
            raise
        task.uncancel()
        raise _Disconnected from None
    finally:
        scope.pop(ON_DISCONNECT, None)


class _Disconnected(Exception):
    """There is nobody to answer."""


async def _no_answer(scope: Scope, receive: Receive, send: Send) -> None:
    pass


async def _single(error: RequestError) -> AsyncGenerator[Formatted, None]:
    yield {"errors": error.errors}
