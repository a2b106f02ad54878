"""What a client is told when something fails, and what only the log is told."""

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from services.engines import EngineError
from services.errors import Refusal

logger = logging.getLogger("repartee.graphql")

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_INPUT = "BAD_USER_INPUT"
BAD_REQUEST = "BAD_REQUEST"
INTERNAL = "INTERNAL_SERVER_ERROR"

Formatted = dict[str, Any]

# Numbers above are not exact in JavaScript.
_MAX_NUMBER = 2**53 - 1


class RequestError(Exception):
    """An operation that is not executed; `errors` is what the client gets."""

    def __init__(self, errors: list[Formatted]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors

    @property
    def code(self) -> str:
        code: str = self.errors[0]["extensions"]["code"]
        return code


def refused(message: str, code: str, **details: Any) -> RequestError:
    return RequestError([{"message": message, "extensions": {"code": code, **details}}])


def over_limit(what: str, code: str, limit: int, actual: int) -> RequestError:
    actual = min(actual, _MAX_NUMBER)
    message = f"{what}: at most {limit} are allowed, these are {actual}."
    return refused(message, code, limit=limit, actual=actual)


def failed_request(errors: Sequence[GraphQLError], code: str) -> RequestError:
    """Return the refusal of a document or its variables; what they say of themselves may be shown."""
    return RequestError([_with_code(error.formatted, code) for error in errors])


def internal(error: BaseException, request_id: str | None = None) -> Formatted:
    """Log what nobody foresaw, and return what the client is told of it."""
    request_id = request_id or uuid.uuid4().hex
    logger.error("Request %s failed", request_id, exc_info=error)
    return {"message": "Internal server error", "extensions": {"code": INTERNAL, "requestId": request_id}}


def presented(errors: Sequence[GraphQLError]) -> list[Formatted]:
    """Return the errors of an execution as the client gets them: ours and GraphQL's pass, all else is masked."""
    request_id = uuid.uuid4().hex
    return [_presented(error, request_id) for error in errors]


def _presented(error: GraphQLError, request_id: str) -> Formatted:
    formatted = dict(error.formatted)
    match _origin(error):
        case None:
            return _with_code(formatted, BAD_INPUT)
        case Refusal() as refusal:
            return _with_code({**formatted, "message": refusal.message}, refusal.extensions["code"])
        case EngineError(failure=failure):
            formatted["message"] = failure.message
            return {**formatted, "extensions": {"code": failure.code.value, "retryable": failure.retryable}}
        case unforeseen:
            return {**formatted, **internal(unforeseen, request_id)}


def _origin(error: GraphQLError) -> BaseException | None:
    """Return what caused the error; nothing, if the caller's document or variables did."""
    origin: BaseException | None = error
    while isinstance(origin, GraphQLError):
        error, origin = origin, origin.original_error
    # An error without a place in the document is about a value of ours that its type cannot show.
    return error if origin is None and not error.nodes else origin


def _with_code(formatted: Any, code: str) -> Formatted:
    return {**formatted, "extensions": {"code": code, **formatted.get("extensions", {})}}
