"""GraphQL requests, parsed from HTTP requests and WebSocket messages."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope

from schema.endpoint import wire
from schema.endpoint.errors import PAYLOAD_TOO_LARGE
from schema.endpoint.execution.operations import GraphQLRequest
from schema.endpoint.http.answers import HTTPError
from schema.endpoint.http.media import AcceptRange

_CHARSETS = ("utf-8", "utf8", '"utf-8"')
# These parameters of a GET request are JSON.
_JSON_PARAMETERS = ("variables", "extensions")
_PARAMETERS = ("query", "operationName", "documentId", *_JSON_PARAMETERS)


class MalformedRequest(ValueError):
    """A part of the request is missing or has the wrong type; the message says which."""


def from_mapping(given: Any, size: int = 0) -> GraphQLRequest:
    """Return the request of `size` bytes after a check of the types of its parts. Raises MalformedRequest."""
    if isinstance(given, list):
        raise MalformedRequest("Batches of requests are not supported; send each request on its own.")
    if not isinstance(given, dict):
        raise MalformedRequest("A GraphQL request must be a JSON object.")
    request = GraphQLRequest(
        query=_part(given, "query", str, "a string"),
        variables=_part(given, "variables", dict, "an object"),
        operation_name=_part(given, "operationName", str, "a string"),
        document_id=_part(given, "documentId", str, "a string"),
        sha256=_sha256(_part(given, "extensions", dict, "an object") or {}),
        size=size,
    )
    if request.query is None and request.document_id is None and request.sha256 is None:
        raise MalformedRequest("The request must have a `query`, a `documentId` or a persisted query's hash.")
    if request.query is not None and request.document_id is not None:
        raise MalformedRequest("The request must have either `query` or `documentId`, not both.")
    return request


async def read(scope: Scope, receive: Receive, max_body: int) -> GraphQLRequest:
    """Return the GraphQL request of an HTTP request. Raises HTTPError."""
    try:
        if scope["method"] == "GET":
            return from_mapping(_parameters(QueryParams(scope["query_string"])))
        check_content_type(header(scope, b"content-type"))
        content = await body(scope, receive, max_body)
        return from_mapping(wire.decode(content), len(content))
    except (MalformedRequest, wire.MalformedText) as error:
        raise HTTPError(400, str(error)) from None


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of the name, which must be in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def _part(given: Mapping[str, Any], name: str, kind: type, kind_name: str) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise MalformedRequest(f"`{name}` must be {kind_name}.")
    return value


def _sha256(extensions: Mapping[str, Any]) -> str | None:
    persisted = _part(extensions, "persistedQuery", dict, "an object")
    if persisted is None:
        return None
    sha256 = _part(persisted, "sha256Hash", str, "a string")
    if sha256 is None or persisted.get("version", 1) != 1:
        raise MalformedRequest("`persistedQuery` must have `version` 1 and a `sha256Hash`.")
    return str(sha256).lower()


def _parameters(query: QueryParams) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name in _PARAMETERS:
        given = query.getlist(name)
        if len(given) > 1:
            raise MalformedRequest(f"The parameter `{name}` must not be repeated.")
        if given and (given[0] or name == "query"):
            parameters[name] = wire.decode(given[0]) if name in _JSON_PARAMETERS else given[0]
    return parameters


def check_content_type(given: bytes | None) -> None:
    """Raise HTTPError for anything but JSON, which a page of another site cannot send unasked."""
    if problem := _content_type_problem(given or b""):
        raise HTTPError(415, problem, "UNSUPPORTED_MEDIA_TYPE", Accept="application/json")


@lru_cache(maxsize=1000)
def _content_type_problem(given: bytes) -> str | None:
    content_type = AcceptRange.read(given.decode("latin-1"))
    if content_type.name != "application/json":
        return "The content type of the request must be application/json."
    if content_type.parameters.get("charset", "utf-8") not in _CHARSETS:
        return "The charset of the request must be UTF-8."
    return None


async def body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the body of at most `limit` bytes. Raises HTTPError.

    A longer body is read, but not stored, up to twice the limit: a client reads no response while it is sending.
    """
    announced = (header(scope, b"content-length") or b"").decode("latin-1")
    if announced.isdigit() and int(announced) > (limit if header(scope, b"expect") else 2 * limit):
        raise _too_large(limit)
    parts, size, more = [], 0, True
    while more and size <= 2 * limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPError(400, "The connection closed before the request was complete.")
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size <= limit:
            parts.append(part)
    if size > limit:
        raise _too_large(limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> HTTPError:
    return HTTPError(
        413,
        f"The request body is too long; the limit is {limit:,} bytes.",
        PAYLOAD_TOO_LARGE,
        Connection="close",
    )
