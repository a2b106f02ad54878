"""What can be refused. Each class is a reason that a caller can act on, and part of a service's contract."""

from enum import StrEnum
from typing import Any, ClassVar

from models import Character, Conversation, Message, Role


class RefusalCode(StrEnum):
    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    REPLY_IN_PROGRESS = "REPLY_IN_PROGRESS"
    WRONG_ROLE = "WRONG_ROLE"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"


class Refusal(Exception):
    """`path` leads to the argument that is to blame, from the service's own arguments on; empty when none is."""

    code: ClassVar[RefusalCode]

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.path = [str(step) for step in path]

    @property
    def extensions(self) -> dict[str, Any]:
        """What a client gets beside the message where the refusal is no data but an error."""
        return {"code": self.code.value}


class InvalidInput(Refusal):
    """A value cannot be accepted."""

    code = RefusalCode.INVALID_INPUT

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": "BAD_USER_INPUT"}


class InvalidCursor(InvalidInput):
    """A cursor is malformed, or was given out by another list."""

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": "INVALID_CURSOR"}


class NotFound(Refusal):
    code = RefusalCode.NOT_FOUND

    def __init__(self, kind: str, missing_id: str, *path: str) -> None:
        super().__init__(f"There is no {kind} with this id.", *(path or (f"{kind}_id",)))
        self.missing_id = missing_id


class VersionConflict(Refusal):
    """Somebody changed it meanwhile; `current` is what it is now."""

    code = RefusalCode.VERSION_CONFLICT

    def __init__(self, current: Character | Conversation, path: str = "expected_version") -> None:
        super().__init__("It was changed meanwhile. Read it again, then repeat the change.", path)
        self.current = current


class ReplyInProgress(Refusal):
    code = RefusalCode.REPLY_IN_PROGRESS

    def __init__(self, active_reply: Message) -> None:
        super().__init__("A reply is being written in this conversation. Wait for it, or stop it first.")
        self.active_reply = active_reply


class WrongRole(Refusal):
    code = RefusalCode.WRONG_ROLE

    def __init__(self, message: str, role: Role) -> None:
        super().__init__(message, "message_id")
        self.role = role


class IdempotencyConflict(Refusal):
    code = RefusalCode.IDEMPOTENCY_CONFLICT

    def __init__(self) -> None:
        super().__init__("This idempotency key was used for another request. Take a new one.", "idempotency_key")
