"""Messages of the protocol graphql-transport-ws: reading them strictly, and what closes the socket."""

from typing import Any

from schema.endpoint import wire
from schema.endpoint.errors import Formatted, RequestError, over_limit
from schema.endpoint.execution.operations import GraphQLRequest
from schema.endpoint.http.requests import MalformedRequest, from_mapping

_MAX_ID = 256
# Bytes of a close reason, as the WebSocket protocol limits them.
_MAX_REASON = 123

Message = dict[str, Any]


class CloseSocket(Exception):
    """Closes the socket with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_MAX_REASON].decode(errors="ignore")


def read(text: str) -> Message:
    try:
        message = wire.decode(text)
    except wire.MalformedText as error:
        raise CloseSocket(4400, str(error)) from None
    if not isinstance(message, dict):
        raise CloseSocket(4400, "A message must be an object")
    return message


def id_of(message: Message) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _MAX_ID:
        raise CloseSocket(4400, f"An id must be a string of 1 to {_MAX_ID} characters")
    return id


def request_of(message: Message, size: int) -> GraphQLRequest:
    payload = message.get("payload")
    if not isinstance(payload, dict):
        raise CloseSocket(4400, "The payload must be an object")
    try:
        return from_mapping(payload, size)
    except MalformedRequest as error:
        raise CloseSocket(4400, str(error)) from None


def check_payload(message: Message) -> None:
    if not isinstance(message.get("payload"), dict | None):
        raise CloseSocket(4400, "The payload must be an object")


def error_of(id: str, formatted: list[Formatted]) -> Message:
    return {"id": id, "type": "error", "payload": formatted}


def too_many(limit: int) -> RequestError:
    return over_limit("Too many operations on this WebSocket", "TOO_MANY_OPERATIONS", limit, limit + 1)
