"""HTTP responses: their status codes and media types, and the errors of HTTP requests."""

from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from schema.endpoint import wire
from schema.endpoint.errors import BAD_REQUEST, INTERNAL, Formatted
from schema.endpoint.http.media import MediaType

# An ASGI extension of our server: the message that starts a response may have its whole body under this key.
BODY = "repartee.body"

METHODS = "GET, POST, OPTIONS"

# Headers of everything but the playground: answers hold private chats, and browsers must not guess their types.
UNCACHED = {"vary": "Accept", "cache-control": "no-store", "x-content-type-options": "nosniff"}

# Statuses of request errors in application/graphql-response+json; the status of any other is 400.
_STATUSES = {"DOCUMENT_NOT_TRUSTED": 403, "PERSISTED_DOCUMENT_NOT_FOUND": 404}


def status_for(media: MediaType, executed: bool, code: str | None = None) -> int:
    """Return the status of the response to a well-formed request; `code` is that of its first error.

    An executed operation is 200 in any media type, whether fields failed or not. Clients of application/json read
    errors only from responses with the status 200.
    """
    if code == INTERNAL and not executed:
        return 500
    if executed or media is not MediaType.GRAPHQL:
        return 200
    return _STATUSES.get(code or "", 400)


class Answer:
    """The ASGI response of an operation; Starlette's would take as long as a small query."""

    def __init__(self, body: Formatted, media: MediaType) -> None:
        executed = "data" in body
        self.body = wire.encode(body)
        self.status = status_for(media, executed, None if executed else body["errors"][0]["extensions"]["code"])
        self.headers = (*_HEADERS[media], (b"content-length", str(len(self.body)).encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        is_whole = BODY in scope.get("extensions", ())
        await send({**start, BODY: self.body} if is_whole else start)
        if not is_whole:
            await send({"type": "http.response.body", "body": self.body})


_HEADERS = {
    media: tuple(
        (name.encode(), value.encode())
        for name, value in {**UNCACHED, "content-type": f"{media}; charset=utf-8"}.items()
    )
    for media in MediaType
}


class HTTPError(Exception):
    """An HTTP request that is not an acceptable GraphQL request; its status is the same in any media type."""

    def __init__(self, status: int, message: str, code: str = BAD_REQUEST, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"message": message, "extensions": {"code": code}}
        self.headers = headers

    def response(self, media: MediaType = MediaType.JSON) -> Response:
        headers = {**UNCACHED, "content-type": f"{media}; charset=utf-8", **self.headers}
        return Response(wire.encode({"errors": [self.error]}), self.status, headers)


def not_allowed(message: str, allow: str = METHODS) -> HTTPError:
    return HTTPError(405, message, "METHOD_NOT_ALLOWED", Allow=allow)


def not_acceptable(message: str) -> HTTPError:
    return HTTPError(406, message, "NOT_ACCEPTABLE")
