"""GraphQL interface UserError, and its types: errors that a caller can act on."""

from datetime import datetime

import strawberry

import models
from schema.binding import represents
from schema.message import Message
from schema.nodes import Versioned
from services import errors


@strawberry.interface(
    description="An error that a caller can act on, such as a wrong value in the input. Nothing was changed. The "
    "type and `code` say the same. More types may be added: show the `message` of a type that is unknown."
)
class UserError:
    code: errors.UserErrorCode = strawberry.field(description="The kind of error.")
    message: str = strawberry.field(description="What is wrong and what helps, in words for people.")
    path: list[str] = strawberry.field(
        description='The path to the argument that caused the error, for example ["input", "title"]; list indexes '
        "are strings of digits. Empty when no argument caused it."
    )


@strawberry.type(
    description="Occurs when a value of the input is not accepted; `path` leads to that value. Its code is "
    "INVALID_INPUT."
)
@represents(errors.InvalidInput)
class InvalidInputError(UserError):
    pass


@strawberry.type(description="Occurs when an id names nothing; `missingId` is that id. Its code is NOT_FOUND.")
@represents(errors.NotFound)
class NotFoundError(UserError):
    missing_id: strawberry.ID = strawberry.field(description="The id that names nothing.")


@strawberry.type(
    description="Occurs when the object has changed since the `expectedVersion` or `expectedHistoryVersion` of "
    "the input; `current` is the object as it is now. Its code is VERSION_CONFLICT."
)
@represents(errors.VersionConflict)
class VersionConflictError(UserError):
    current: Versioned | None = strawberry.field(description="The object as it is now.")


@strawberry.type(
    description="Occurs when another reply is being written in the conversation; `activeReply` is that reply. "
    "Wait for its end, stop it by stopReply, or pass `ifBusy: STOP`. Its code is REPLY_IN_PROGRESS."
)
@represents(errors.ReplyInProgress)
class ReplyInProgressError(UserError):
    active_reply: Message | None = strawberry.field(description="The reply that is being written.")


@strawberry.type(
    description="Occurs when the message has a role that the operation does not apply to, for example when "
    "continueReply names a message of the user; `role` is the role of the message. Its code is WRONG_ROLE."
)
@represents(errors.WrongRole)
class WrongRoleError(UserError):
    role: models.Role = strawberry.field(description="The role of the message.")


@strawberry.type(
    description="Occurs when the `idempotencyKey` was used before for a different request; choose a new key. Its "
    "code is IDEMPOTENCY_CONFLICT."
)
@represents(errors.IdempotencyConflict)
class IdempotencyConflictError(UserError):
    pass


@strawberry.type(
    description="Occurs when the viewer may not do this; the message says who may, or how. Its code is FORBIDDEN."
)
@represents(errors.Forbidden)
class ForbiddenError(UserError):
    pass


@strawberry.type(
    description="Occurs when the viewer has used up its quota of replies or tokens. Its code is QUOTA_EXCEEDED."
)
@represents(errors.QuotaExceeded)
class QuotaExceededError(UserError):
    limit: int = strawberry.field(description="How many there may be.")
    used: int = strawberry.field(description="How many there are.")
    resets_at: datetime | None = strawberry.field(
        description="When more may be used; null when a running reply has to end first."
    )


ERRORS = [
    InvalidInputError,
    NotFoundError,
    VersionConflictError,
    ReplyInProgressError,
    WrongRoleError,
    IdempotencyConflictError,
    ForbiddenError,
    QuotaExceededError,
]
