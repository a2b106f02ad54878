"""HTTP answers: which status, which media type, and which faults of the transport there are."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from schema.endpoint import wire
from schema.endpoint.errors import BAD_REQUEST, INTERNAL, Formatted
from schema.endpoint.media import Media

METHODS = "GET, POST, OPTIONS"

# What a request error means in application/graphql-response+json; any other is 400.
_STATUSES = {"DOCUMENT_NOT_TRUSTED": 403, "PERSISTED_DOCUMENT_NOT_FOUND": 404}


def status_for(media: Media, executed: bool, code: str | None = None) -> int:
    """Return the status of an answer to a well-formed request; `code` is that of its first error.

    What was executed is 200 in any media type, whether fields failed or not. application/json is older than these
    statuses: its clients read errors only from what is 200.
    """
    if code == INTERNAL and not executed:
        return 500
    if executed or media is not Media.GRAPHQL:
        return 200
    return _STATUSES.get(code or "", 400)


def answer(body: Formatted, media: Media) -> Response:
    executed = "data" in body
    code = None if executed else body["errors"][0]["extensions"]["code"]
    return _response(body, status_for(media, executed, code), media)


class Fault(Exception):
    """A request that is no GraphQL request, or not one for this transport: one status in any media type."""

    def __init__(self, status: int, message: str, code: str = BAD_REQUEST, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"message": message, "extensions": {"code": code}}
        self.headers = headers

    def response(self, media: Media = Media.JSON) -> Response:
        return _response({"errors": [self.error]}, self.status, media, self.headers)


def not_allowed(message: str, allow: str = METHODS) -> Fault:
    return Fault(405, message, "METHOD_NOT_ALLOWED", Allow=allow)


def not_acceptable(message: str) -> Fault:
    return Fault(406, message, "NOT_ACCEPTABLE")


def _response(body: Formatted, status: int, media: Media, headers: Mapping[str, str] | None = None) -> Response:
    own = {"Vary": "Accept", "Content-Type": f"{media}; charset=utf-8", **(headers or {})}
    return Response(wire.encode(body), status, own)
