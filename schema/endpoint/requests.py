"""What a client asks, read out of an HTTP request or a message."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request

from schema.endpoint import wire
from schema.endpoint.answers import Fault
from schema.endpoint.media import MediaType
from schema.endpoint.operations import GraphQLRequest

_CHARSETS = ("utf-8", "utf8", '"utf-8"')
# Of the parameters of a GET these are JSON.
_JSON_PARAMETERS = ("variables", "extensions")
_PARAMETERS = ("query", "operationName", "documentId", *_JSON_PARAMETERS)


class MalformedRequest(ValueError):
    """A request whose parts are not of the types they must be; the message says which."""


def from_mapping(given: Any) -> GraphQLRequest:
    """Check the types of a request's parts; raise MalformedRequest."""
    if isinstance(given, list):
        raise MalformedRequest("Batches are not accepted; send each request by itself.")
    if not isinstance(given, dict):
        raise MalformedRequest("A GraphQL request is a JSON object.")
    asked = GraphQLRequest(
        query=_part(given, "query", str, "a text"),
        variables=_part(given, "variables", dict, "an object"),
        operation_name=_part(given, "operationName", str, "a text"),
        document_id=_part(given, "documentId", str, "a text"),
        sha256=_sha256(_part(given, "extensions", dict, "an object") or {}),
    )
    if asked.query is None and asked.document_id is None and asked.sha256 is None:
        raise MalformedRequest("There is no `query` in the request.")
    if asked.query is not None and asked.document_id is not None:
        raise MalformedRequest("Give `query` or `documentId`, not both.")
    return asked


async def read(request: Request, max_body: int) -> GraphQLRequest:
    """Raise Fault."""
    try:
        if request.method == "GET":
            return from_mapping(_parameters(request))
        _check_content_type(request.headers.get("content-type"))
        return from_mapping(wire.decode(await _body(request, max_body)))
    except (MalformedRequest, wire.MalformedText) as error:
        raise Fault(400, str(error)) from None
    except ClientDisconnect:
        raise Fault(400, "The request broke off.") from None


def _part(given: Mapping[str, Any], name: str, kind: type, called: str) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise MalformedRequest(f"`{name}` must be {called}.")
    return value


def _sha256(extensions: Mapping[str, Any]) -> str | None:
    persisted = _part(extensions, "persistedQuery", dict, "an object")
    if persisted is None:
        return None
    sha256 = _part(persisted, "sha256Hash", str, "a text")
    if sha256 is None or persisted.get("version", 1) != 1:
        raise MalformedRequest("`persistedQuery` must have `version` 1 and a `sha256Hash`.")
    return str(sha256).lower()


def _parameters(request: Request) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name in _PARAMETERS:
        given = request.query_params.getlist(name)
        if len(given) > 1:
            raise MalformedRequest(f"`{name}` is given more than once.")
        if given and (given[0] or name == "query"):
            parameters[name] = wire.decode(given[0]) if name in _JSON_PARAMETERS else given[0]
    return parameters


def _check_content_type(header: str | None) -> None:
    content_type = MediaType.read(header or "")
    if content_type.name != "application/json":
        raise Fault(
            415, "Send the request as application/json.", "UNSUPPORTED_MEDIA_TYPE", Accept="application/json"
        )
    if content_type.parameters.get("charset", "utf-8") not in _CHARSETS:
        raise Fault(415, "Send the request in UTF-8.", "UNSUPPORTED_MEDIA_TYPE", Accept="application/json")


async def _body(request: Request, limit: int) -> bytes:
    """Read the body, and keep no more of it than is allowed.

    Some of what is too much is read all the same: a client that is still sending would see no answer.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > (limit if "expect" in request.headers else 2 * limit):
        raise _too_big(limit)
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > 2 * limit:
            break
        if size <= limit:
            body += chunk
    if size > limit:
        raise _too_big(limit)
    return bytes(body)


def _too_big(limit: int) -> Fault:
    return Fault(413, f"The request is longer than {limit} bytes.", "PAYLOAD_TOO_LARGE", Connection="close")
