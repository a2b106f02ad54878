"""Failures of an OpenAI-compatible server as typed errors.

No message repeats what a server sent, because that may contain keys, addresses or the prompt. The log has it.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from models import FailureCode
from services.engines import EngineError

_DAY = 86_400
_CONTEXT = re.compile(
    r"context.{0,3}(length|size|window|limit)|exceed_context|prompt is too long|too many (input |prompt )?tokens"
    r"|token (count|limit).{0,40}exceed|exceed.{0,40}(tokens|context)|reduce the length",
    re.IGNORECASE | re.DOTALL,
)
_FILTER = re.compile(r"content.?(filter|policy)|moderation|responsible.?ai", re.IGNORECASE)
_RATE = re.compile(r"rate.?limit|too many requests|quota", re.IGNORECASE)
_CONTEXT_STATUSES = frozenset({400, 413, 422, 500})
_FILTER_STATUSES = frozenset({400, 403, 422})


class Rejection(EngineError):
    """Unsuccessful HTTP response; `body` is its text."""

    def __init__(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        failure = from_status(status, body, headers).failure
        super().__init__(failure.code, failure.message, failure.retryable, failure.retry_after_seconds)
        self.status = status
        self.body = body


def unavailable(message: str = "The engine cannot be reached.", retry_after: int | None = None) -> EngineError:
    return EngineError(FailureCode.ENGINE_UNAVAILABLE, message, True, retry_after)


def refused(message: str) -> EngineError:
    return EngineError(FailureCode.ENGINE_REFUSED, message, False)


def broke_off(message: str) -> EngineError:
    return EngineError(FailureCode.ENGINE_BROKE_OFF, message, True)


def timed_out(seconds: float) -> EngineError:
    return EngineError(
        FailureCode.ENGINE_TIMEOUT, f"The engine made no progress for {seconds:g} seconds.", retryable=True
    )


def rate_limited(retry_after: int | None = None) -> EngineError:
    return EngineError(
        FailureCode.RATE_LIMITED, "The engine has received too many requests; try again later.", True, retry_after
    )


def context_too_long() -> EngineError:
    return EngineError(
        FailureCode.CONTEXT_TOO_LONG,
        "The prompt is longer than the context of the model; choose a model with a longer one.",
        False,
    )


def content_filtered() -> EngineError:
    return EngineError(FailureCode.CONTENT_FILTERED, "The engine's content filter blocked the reply.", False)


def from_status(status: int, body: str, headers: Mapping[str, str]) -> EngineError:
    """Returns the error for an unsuccessful HTTP response."""
    if status in _CONTEXT_STATUSES and _CONTEXT.search(body):
        return context_too_long()
    if status in _FILTER_STATUSES and _FILTER.search(body):
        return content_filtered()
    if status == 429:
        return rate_limited(seconds_to_wait(headers.get("retry-after")))
    if status == 408:
        return EngineError(FailureCode.ENGINE_TIMEOUT, "The engine timed out (HTTP 408).", retryable=True)
    if status >= 500:
        return unavailable(
            f"The engine failed (HTTP {status}); try again later.", seconds_to_wait(headers.get("retry-after"))
        )
    return refused(f"The engine refused the request (HTTP {status}){_advice(status)}.")


def from_event(error: Any) -> EngineError:
    """Returns the error for the `error` of a streamed chunk."""
    code = error.get("code") if isinstance(error, dict) else None
    text = str(error)
    if isinstance(code, int) and 400 <= code < 500:
        return from_status(code, text, {})
    if _CONTEXT.search(text):
        return context_too_long()
    if _FILTER.search(text):
        return content_filtered()
    if _RATE.search(text):
        return rate_limited()
    return broke_off("The engine ended the reply with an error.")


def seconds_to_wait(retry_after: str | None) -> int | None:
    """Returns the seconds of a Retry-After header, which has seconds or a date; at most a day, None if invalid."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _seconds_until(retry_after)
    return min(math.ceil(max(seconds, 0)), _DAY) if math.isfinite(seconds) else None


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()


def _advice(status: int) -> str:
    match status:
        case 401 | 403:
            return ": check REPARTEE_ENGINE_KEY and what the key allows"
        case 404:
            return ": check the engine's address and the name of the model"
        case _:
            return ""
