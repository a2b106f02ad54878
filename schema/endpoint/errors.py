"""GraphQL errors as clients get them; unexpected ones are masked, and only the log has the details."""

import logging
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, ValueNode

from models import ReadTooLarge, Unavailable
from services.engines import EngineError
from services.errors import OverLimit, UserError
from services.logs import current_request_id

logger = logging.getLogger("repartee.graphql")

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_INPUT = "BAD_USER_INPUT"
BAD_REQUEST = "BAD_REQUEST"
FORBIDDEN = "FORBIDDEN"
TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
INTERNAL = "INTERNAL_SERVER_ERROR"

Formatted = dict[str, Any]


class RequestError(Exception):
    """An operation that is not executed; `errors` is what the client gets."""

    def __init__(self, errors: list[Formatted]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors

    @property
    def code(self) -> str:
        code: str = self.errors[0]["extensions"]["code"]
        return code


def request_error(message: str, code: str, **details: Any) -> RequestError:
    return RequestError([{"message": message, "extensions": {"code": code, **details}}])


def over_limit(problem: str, code: str, limit: int, actual: int) -> RequestError:
    """Return the error of something that exceeds a limit, as in "Too many tokens: 12; the limit is 10."."""
    over = OverLimit(problem, code, limit, actual)
    return request_error(str(over), code, limit=over.limit, actual=over.actual)


def answer_too_large(limit: int) -> Formatted:
    message = f"The answer has more than {limit:,} bytes, which is the limit; ask for less at once, in pages."
    return {"message": message, "extensions": {"code": "ANSWER_TOO_LARGE", "limit": limit}}


def failed_request(errors: Sequence[GraphQLError], code: str) -> RequestError:
    """Return the error of an invalid document or invalid variables; GraphQL's messages are safe to show."""
    return RequestError([_with_code(error.formatted, code) for error in errors])


def format_exception(error: Exception) -> Formatted:
    """Return the error of an exception that ended an operation."""
    located = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
    return format_errors([located])[0]


def format_errors(errors: Sequence[GraphQLError]) -> list[Formatted]:
    """Return the errors of one request for the client: GraphQL's and the services' own, all others masked.

    Masked errors are logged with their tracebacks; log and client get the request's id.
    """
    request_id = current_request_id()
    return [_format_error(error, request_id) for error in errors]


def _format_error(error: GraphQLError, request_id: str) -> Formatted:
    formatted = dict(error.formatted)
    match _cause(error):
        case None:
            return _with_code(formatted, BAD_INPUT)
        case UserError() as user_error:
            return _with_code({**formatted, "message": user_error.message}, user_error.extensions["code"])
        case EngineError(failure=failure):
            formatted["message"] = failure.message
            return {**formatted, "extensions": {"code": failure.code.value, "isRetryable": failure.retryable}}
        case OverLimit(code=code, limit=limit, actual=actual) as over:
            extensions = {"code": code, "limit": limit, "actual": actual}
            return {**formatted, "message": str(over), "extensions": extensions}
        case ReadTooLarge(limit=limit):
            return {**formatted, **answer_too_large(limit)}
        case Unavailable() as unavailable:
            extensions = {"code": "UNAVAILABLE", "retryAfterSeconds": unavailable.retry_after_seconds}
            return {**formatted, "message": str(unavailable), "extensions": extensions}
        case unexpected:
            logger.error("Request %s failed", request_id, exc_info=unexpected)
            extensions = {"code": INTERNAL, "requestId": request_id}
            return {**formatted, "message": "Internal server error", "extensions": extensions}


def _cause(error: GraphQLError) -> BaseException | None:
    """Return the exception that caused the error; None when the client's document or variables caused it."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        error, cause = cause, cause.original_error
    # Of a valid document only the value of an argument can be wrong. At a field, it is a value of ours that does
    # not fit its type: a wrong class is reported there just as a wrong argument is at its value.
    is_argument = isinstance(next(iter(error.nodes or ()), None), ValueNode)
    return error if cause is None and not is_argument else cause


def _with_code(formatted: Any, code: str) -> Formatted:
    return {**formatted, "extensions": {"code": code, **formatted.get("extensions", {})}}
