"""The one address that answers: queries over HTTP, subscriptions over server-sent events and WebSocket."""

import json

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL

from resolvers.context import Context
from schema import schema
from schema.endpoint.streaming import EventStream
from services import Services


class GraphQLEndpoint(GraphQL[Context, None]):
    stream_transport_classes_by_protocol = {GRAPHQL_SSE_PROTOCOL: EventStream}

    def __init__(self, services: Services) -> None:
        protocols = [GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL]
        super().__init__(schema, graphql_ide=None, subscription_protocols=protocols)
        self._services = services

    def routes(self, path: str) -> list[BaseRoute]:
        """Return what leads to this endpoint."""
        return [Route(path, self), WebSocketRoute(path, self)]

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return Context(self._services)

    def encode_json(self, data: object) -> str:
        try:
            return orjson.dumps(data).decode()
        except TypeError:
            # What orjson refuses: integers over 64 bits, and text that is no text.
            return json.dumps(data, separators=(",", ":"))
