"""The one address that answers: JSON, streams, WebSockets, and a page for people."""

from collections.abc import AsyncGenerator

from graphql import OperationType
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from resolvers.context import Context
from schema import schema
from schema.endpoint import errors, requests
from schema.endpoint.answers import METHODS, Fault, answer, not_acceptable, not_allowed
from schema.endpoint.browsers import Hosts, Origins, TrustedHosts, cross_origin
from schema.endpoint.documents import Documents
from schema.endpoint.errors import Formatted, RequestError
from schema.endpoint.limits import Limits
from schema.endpoint.media import ANSWERS, STREAMS, Media, ranked
from schema.endpoint.operations import Operation, Operations
from schema.endpoint.playground import Playground
from schema.endpoint.sockets import Sockets
from schema.endpoint.streams import FRAMINGS, StreamResponse
from services import Services

# A GET with none of these asks nothing: a browser gets the page.
_ASKING = ("query", "documentId", "extensions")
_TRANSPORTS = "text/event-stream, multipart/mixed;subscriptionSpec=1.0, or a WebSocket (graphql-transport-ws)"


class GraphQLEndpoint:
    """Raises DocumentsError when its trusted documents cannot be read."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        documents = Documents.read(settings.documents_file, settings.documents_only)
        self._max_body = settings.max_body
        self._operations = Operations(schema, Limits.of(settings), documents, lambda: Context(services))
        self._playground = Playground()
        self._origins = Origins(settings.allowed_origins)
        self._hosts = Hosts.of(settings)
        self._sockets = Sockets(self._operations, self._origins, settings.max_sockets, settings.max_operations)

    def routes(self, path: str) -> list[BaseRoute]:
        """Return what leads to this endpoint."""
        return [
            Route(path, self, middleware=cross_origin(self._origins)),
            WebSocketRoute(path, self._socket),
            Mount("/playground", routes=self._playground.routes()),
        ]

    def middleware(self) -> list[Middleware]:
        """Return what must stand before every route."""
        return [Middleware(TrustedHosts, hosts=self._hosts)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(Request(scope, receive))
        await response(scope, receive, send)

    async def _socket(self, websocket: WebSocket) -> None:
        await self._sockets.serve(websocket)

    async def _response(self, request: Request) -> ASGIApp:
        media = Media.JSON
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": METHODS})
        try:
            accepted = _negotiated(request)
            if accepted[0] is Media.PAGE:
                return await self._playground.page(request)
            media = next((one for one in accepted if one not in STREAMS), Media.JSON)
            return await self._answered(request, accepted)
        except Fault as fault:
            return fault.response(media)
        except RequestError as error:
            return answer({"errors": error.errors}, media)
        except Exception as error:
            return answer({"errors": [errors.internal(error)]}, media)

    async def _answered(self, request: Request, accepted: list[Media]) -> ASGIApp:
        asked = await requests.read(request, self._max_body)
        try:
            operation = self._operations.prepare(asked)
        except RequestError as error:
            if accepted[0] in STREAMS:
                return StreamResponse(_only(error), FRAMINGS[accepted[0]])
            raise
        if request.method == "GET" and operation.type is OperationType.MUTATION:
            raise not_allowed("A mutation must be sent by POST.", "POST")
        media = _carrier(operation, accepted)
        if media in STREAMS:
            return StreamResponse(operation.results(), FRAMINGS[media])
        return answer(await operation.result(), media)


def _negotiated(request: Request) -> list[Media]:
    """Return the media types to answer in, the best first. Raises Fault."""
    if request.method not in ("GET", "POST"):
        raise not_allowed("Send a query by GET or POST, or a mutation by POST.")
    asks = request.method == "POST" or any(name in request.query_params for name in _ASKING)
    accepted = ranked(request.headers.get("accept"), ANSWERS if asks else (*ANSWERS, Media.PAGE))
    if not accepted:
        raise not_acceptable(f"Accept one of: {', '.join(ANSWERS)}.")
    return accepted if accepted[0] is Media.PAGE else [one for one in accepted if one is not Media.PAGE]


def _carrier(operation: Operation, accepted: list[Media]) -> Media:
    """Return the media type that the operation's results go in. Raises Fault."""
    if operation.type is not OperationType.SUBSCRIPTION:
        return accepted[0]
    for media in accepted:
        if media in STREAMS:
            return media
    raise not_acceptable(f"A subscription has many results. Accept {_TRANSPORTS}.")


async def _only(error: RequestError) -> AsyncGenerator[Formatted, None]:
    yield {"errors": error.errors}
