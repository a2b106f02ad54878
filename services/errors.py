"""Errors that a caller can act on. Each class is one reason, and part of a service's contract."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from models import Character, Conversation, Message, Role


class UserErrorCode(StrEnum):
    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    REPLY_IN_PROGRESS = "REPLY_IN_PROGRESS"
    WRONG_ROLE = "WRONG_ROLE"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    FORBIDDEN = "FORBIDDEN"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"


class UserError(Exception):
    """`path` leads to the argument that caused it, from the service's own arguments on; empty if none did."""

    code: ClassVar[UserErrorCode]

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.path = [str(step) for step in path]

    @property
    def extensions(self) -> dict[str, Any]:
        """The extensions of the GraphQL error, where the error is not part of a payload."""
        return {"code": self.code.value}


class OverLimit(Exception):
    """Something exceeds a limit of this server; the text says by how much."""

    def __init__(self, problem: str, code: str, limit: int, actual: int) -> None:
        # JavaScript represents larger integers inexactly.
        self.code, self.limit, self.actual = code, limit, min(actual, 2**53 - 1)
        super().__init__(f"{problem}: {self.actual:,}; the limit is {limit:,}.")


class InvalidInput(UserError):
    """A value cannot be accepted."""

    code = UserErrorCode.INVALID_INPUT

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": "BAD_USER_INPUT"}


class InvalidCursor(InvalidInput):
    """A cursor is malformed, or belongs to another list."""

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": "INVALID_CURSOR"}


class NotFound(UserError):
    """An id names nothing that the caller owns. `path` defaults to the argument `<kind>_id`."""

    code = UserErrorCode.NOT_FOUND

    def __init__(self, kind: str, missing_id: str, path: Sequence[str] | None = None) -> None:
        super().__init__(f"There is no {kind} with this id.", *([f"{kind}_id"] if path is None else path))
        self.missing_id = missing_id


class VersionConflict(UserError):
    """Somebody else changed the object; `current` is its present state."""

    code = UserErrorCode.VERSION_CONFLICT

    def __init__(self, current: Character | Conversation, path: str = "expected_version") -> None:
        kind = type(current).__name__.lower()
        super().__init__(f"The {kind} was changed by somebody else. Read it again, then repeat the change.", path)
        self.current = current


class ReplyInProgress(UserError):
    code = UserErrorCode.REPLY_IN_PROGRESS

    def __init__(self, active_reply: Message) -> None:
        super().__init__("A reply is being written in this conversation. Wait for it, or stop it first.")
        self.active_reply = active_reply


class WrongRole(UserError):
    code = UserErrorCode.WRONG_ROLE

    def __init__(self, message: str, role: Role) -> None:
        super().__init__(message, "message_id")
        self.role = role


class IdempotencyConflict(UserError):
    code = UserErrorCode.IDEMPOTENCY_CONFLICT

    def __init__(self) -> None:
        super().__init__("This idempotency key was used for another request. Use a new key.", "idempotency_key")


class Forbidden(UserError):
    """The caller may not do this; the text says who may, or how."""

    code = UserErrorCode.FORBIDDEN


class QuotaExceeded(UserError):
    """The caller has used up what it may use. `resets_at` is None where something has to end first."""

    code = UserErrorCode.QUOTA_EXCEEDED

    def __init__(self, message: str, limit: int, used: int, resets_at: datetime | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.used = used
        self.resets_at = resets_at
