"""What went wrong at an OpenAI-compatible server, in words safe to show.

Nothing a server said is repeated: it may hold keys, addresses or the prompt. The log gets it instead.
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
    """An HTTP answer other than success; `said` is its body."""

    def __init__(self, status: int, said: str, headers: Mapping[str, str]) -> None:
        failure = from_status(status, said, headers).failure
        super().__init__(failure.code, failure.message, failure.retryable, failure.retry_after_seconds)
        self.status = status
        self.said = said


def unavailable(message: str = "The engine cannot be reached.", retry_after: int | None = None) -> EngineError:
    return EngineError(FailureCode.ENGINE_UNAVAILABLE, message, True, retry_after)


def refused(message: str) -> EngineError:
    return EngineError(FailureCode.ENGINE_REFUSED, message, False)


def broke_off(message: str) -> EngineError:
    return EngineError(FailureCode.ENGINE_BROKE_OFF, message, True)


def timed_out(seconds: float) -> EngineError:
    return EngineError(
        FailureCode.ENGINE_TIMEOUT, f"Nothing came from the engine for {seconds:g} seconds.", retryable=True
    )


def rate_limited(retry_after: int | None = None) -> EngineError:
    return EngineError(
        FailureCode.RATE_LIMITED, "The engine takes no more requests at the moment.", True, retry_after
    )


def context_too_long() -> EngineError:
    return EngineError(
        FailureCode.CONTEXT_TOO_LONG, "The conversation is longer than the model can read at once.", False
    )


def content_filtered() -> EngineError:
    return EngineError(FailureCode.CONTENT_FILTERED, "The engine's content filter held the reply back.", False)


def from_status(status: int, said: str, headers: Mapping[str, str]) -> EngineError:
    """Return the failure that an HTTP answer other than success stands for."""
    if status in _CONTEXT_STATUSES and _CONTEXT.search(said):
        return context_too_long()
    if status in _FILTER_STATUSES and _FILTER.search(said):
        return content_filtered()
    if status == 429:
        return rate_limited(seconds_to_wait(headers.get("retry-after")))
    if status == 408:
        return EngineError(FailureCode.ENGINE_TIMEOUT, "The engine gave up waiting (HTTP 408).", retryable=True)
    if status >= 500:
        return unavailable(
            f"The engine has trouble of its own (HTTP {status}).", seconds_to_wait(headers.get("retry-after"))
        )
    return refused(f"The engine refused the request (HTTP {status}){_advice(status)}.")


def from_event(error: Any) -> EngineError:
    """Return the failure that an `error` in the midst of a stream stands for."""
    code = error.get("code") if isinstance(error, dict) else None
    said = str(error)
    if isinstance(code, int) and 400 <= code < 500:
        return from_status(code, said, {})
    if _CONTEXT.search(said):
        return context_too_long()
    if _FILTER.search(said):
        return content_filtered()
    if _RATE.search(said):
        return rate_limited()
    return broke_off("The engine broke the reply off with an error.")


def seconds_to_wait(retry_after: str | None) -> int | None:
    """Read the header Retry-After: seconds, or a date. What cannot be read is none, and a day is the most."""
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
            return ": its key is missing, wrong or not allowed to do this"
        case 404:
            return ": its address or the name of the model is wrong"
        case _:
            return ""
