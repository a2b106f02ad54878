"""HTTP responses: their status codes and media types, and the errors of HTTP requests."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from schema.endpoint import wire
from schema.endpoint.errors import BAD_REQUEST, INTERNAL, Formatted
from schema.endpoint.http.media import MediaType

METHODS = "GET, POST, OPTIONS"

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


def answer(body: Formatted, media: MediaType) -> Response:
    executed = "data" in body
    code = None if executed else body["errors"][0]["extensions"]["code"]
    return _response(body, status_for(media, executed, code), media)


class HTTPError(Exception):
    """An HTTP request that is not an acceptable GraphQL request; its status is the same in any media type."""

    def __init__(self, status: int, message: str, code: str = BAD_REQUEST, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"message": message, "extensions": {"code": code}}
        self.headers = headers

    def response(self, media: MediaType = MediaType.JSON) -> Response:
        return _response({"errors": [self.error]}, self.status, media, self.headers)


def not_allowed(message: str, allow: str = METHODS) -> HTTPError:
    return HTTPError(405, message, "METHOD_NOT_ALLOWED", Allow=allow)


def not_acceptable(message: str) -> HTTPError:
    return HTTPError(406, message, "NOT_ACCEPTABLE")


def _response(
    body: Formatted, status: int, media: MediaType, headers: Mapping[str, str] | None = None
) -> Response:
    common = {"Vary": "Accept", "Content-Type": f"{media}; charset=utf-8", **(headers or {})}
    return Response(wire.encode(body), status, common)
