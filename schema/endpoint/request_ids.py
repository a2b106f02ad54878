"""X-Request-Id: kept as a proxy or client gave it, or made; it is in the response, in the log, and in errors."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schema.endpoint.http.requests import header
from services.logs import new_request_id, set_request_id

NAME = "X-Request-Id"
_HEADER = NAME.lower().encode()
# What may be written into a log and a header as it is.
_KEPT = re.compile(rb"[!-~]{1,128}")
_HEADS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}


class RequestIds:
    """ASGI middleware that gives each request an id. The operations of a WebSocket all have that of the socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = header(scope, _HEADER) or b""
        id = given if _KEPT.fullmatch(given) else new_request_id().encode()
        set_request_id(id.decode())

        async def send_with_id(message: Message) -> None:
            if message["type"] in _HEADS:
                message["headers"] = [*message.get("headers", ()), (_HEADER, id)]
            await send(message)

        await self._app(scope, receive, send_with_id)
