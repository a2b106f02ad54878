"""Refusals that a caller can act on, as data."""

import strawberry

import models
from schema.binding import stands_for
from schema.message import Message
from schema.nodes import Versioned
from services import errors


@strawberry.interface(description="A refusal that a caller can act on. `code` and the type say the same.")
class UserError:
    code: errors.RefusalCode = strawberry.field(description="What kind of refusal it is.")
    message: str = strawberry.field(description="In words for a person.")
    path: list[str] = strawberry.field(
        description='Into the arguments, e.g. ["input", "title"]; indexes as digits; empty when none is to blame.'
    )


@strawberry.type(description="INVALID_INPUT")
@stands_for(errors.InvalidInput)
class InvalidInputError(UserError):
    pass


@strawberry.type(description="NOT_FOUND")
@stands_for(errors.NotFound)
class NotFoundError(UserError):
    missing_id: strawberry.ID = strawberry.field(description="The id that names nothing.")


@strawberry.type(description="VERSION_CONFLICT: for expectedVersion and expectedHistoryVersion.")
@stands_for(errors.VersionConflict)
class VersionConflictError(UserError):
    current: Versioned | None = strawberry.field(description="What it is now.")


@strawberry.type(description="REPLY_IN_PROGRESS")
@stands_for(errors.ReplyInProgress)
class ReplyInProgressError(UserError):
    active_reply: Message | None = strawberry.field(description="The reply that is being written.")


@strawberry.type(description="WRONG_ROLE: e.g. a user's message cannot be continued.")
@stands_for(errors.WrongRole)
class WrongRoleError(UserError):
    role: models.Role = strawberry.field(description="The message's role.")


@strawberry.type(description="IDEMPOTENCY_CONFLICT: the key was used for something else.")
@stands_for(errors.IdempotencyConflict)
class IdempotencyConflictError(UserError):
    pass


ERRORS = [
    InvalidInputError,
    NotFoundError,
    VersionConflictError,
    ReplyInProgressError,
    WrongRoleError,
    IdempotencyConflictError,
]
