"""GraphQL inputs of the mutations that request or stop a reply; the others are in schema.inputs."""

import strawberry

from schema import descriptions
from schema.generation import GenerationInput
from services.replies.options import BusyPolicy, ReplyMode

_PARENT = (
    "The id of the message to follow; when omitted, the last message of the active path. Below any other message, "
    "a new branch begins and becomes the active path."
)
_REPLY_MODE = "When the mutation returns: when the reply is final, at once, or without requesting a reply."
_MODE_OF_REPLY = "When the mutation returns: when the reply is final, or at once. With NONE no reply is written."
_IF_BUSY = "What the mutation does when another reply is being written in the conversation."
_GENERATION = "How this reply is generated; omitted settings are inherited, see GenerationSettings."


@strawberry.input(description="The message that sendMessage sends, and how the reply to it is written.")
class SendMessageInput:
    conversation_id: strawberry.ID = strawberry.field(
        description="The id of the conversation to send the message to."
    )
    content: str = strawberry.field(description="The text of the message.")
    parent_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=_PARENT)
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description=_REPLY_MODE)
    if_busy: BusyPolicy = strawberry.field(default=BusyPolicy.REJECT, description=_IF_BUSY)
    generation: GenerationInput | None = strawberry.field(default=strawberry.UNSET, description=_GENERATION)
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )


@strawberry.input(description="Where requestReply requests a reply, and how that reply is written.")
class RequestReplyInput:
    conversation_id: strawberry.ID = strawberry.field(
        description="The id of the conversation to request a reply in."
    )
    parent_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=_PARENT)
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description=_MODE_OF_REPLY)
    if_busy: BusyPolicy = strawberry.field(default=BusyPolicy.REJECT, description=_IF_BUSY)
    generation: GenerationInput | None = strawberry.field(default=strawberry.UNSET, description=_GENERATION)
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )


@strawberry.input(description="The reply that regenerateReply writes an alternative of, and how that is written.")
class RegenerateReplyInput:
    message_id: strawberry.ID = strawberry.field(description="The id of the reply to regenerate.")
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description=_MODE_OF_REPLY)
    if_busy: BusyPolicy = strawberry.field(default=BusyPolicy.REJECT, description=_IF_BUSY)
    generation: GenerationInput | None = strawberry.field(default=strawberry.UNSET, description=_GENERATION)
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )


@strawberry.input(description="The reply that continueReply continues, and how its further text is written.")
class ContinueReplyInput:
    message_id: strawberry.ID = strawberry.field(
        description="The id of the reply to continue: the last message of the active path."
    )
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description=_MODE_OF_REPLY)
    if_busy: BusyPolicy = strawberry.field(default=BusyPolicy.REJECT, description=_IF_BUSY)
    generation: GenerationInput | None = strawberry.field(default=strawberry.UNSET, description=_GENERATION)
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )


@strawberry.input(description="The conversation, or the one reply, whose writing stopReply stops.")
class StopReplyInput:
    conversation_id: strawberry.ID = strawberry.field(
        description="The id of the conversation in which to stop the reply being written."
    )
    message_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of the only reply to stop, so that a reply that began in the meantime is not stopped.",
    )


@strawberry.input(
    description="The text that addAlternative stores as an alternative of a message, and how a reply to it is "
    "written."
)
class AddAlternativeInput:
    message_id: strawberry.ID = strawberry.field(description="The id of the message to add an alternative to.")
    content: str = strawberry.field(description="The text of the alternative.")
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description=_REPLY_MODE)
    if_busy: BusyPolicy = strawberry.field(default=BusyPolicy.REJECT, description=_IF_BUSY)
    generation: GenerationInput | None = strawberry.field(default=strawberry.UNSET, description=_GENERATION)
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )
