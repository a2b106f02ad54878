"""What the mutations that cause or stop a reply take; see schema.inputs."""

import strawberry

from schema.generation import GenerationInput
from services.exchanges import BusyPolicy, ReplyMode


@strawberry.input(description="For sendMessage.")
class SendMessageInput:
    conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")
    content: str = strawberry.field(description="The text.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The message to follow; without it, the last one. Elsewhere it starts a branch.",
    )
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description="When to answer.")
    if_busy: BusyPolicy = strawberry.field(
        default=BusyPolicy.REJECT, description="What to do when a reply is being written already."
    )
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )


@strawberry.input(description="For requestReply.")
class RequestReplyInput:
    conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The message to follow; without it, the last one. Elsewhere it starts a branch.",
    )
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description="When to answer.")
    if_busy: BusyPolicy = strawberry.field(
        default=BusyPolicy.REJECT, description="What to do when a reply is being written already."
    )
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )


@strawberry.input(description="For regenerateReply.")
class RegenerateReplyInput:
    message_id: strawberry.ID = strawberry.field(description="The message's id.")
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description="When to answer.")
    if_busy: BusyPolicy = strawberry.field(
        default=BusyPolicy.REJECT, description="What to do when a reply is being written already."
    )
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )


@strawberry.input(description="For continueReply.")
class ContinueReplyInput:
    message_id: strawberry.ID = strawberry.field(description="The message's id.")
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description="When to answer.")
    if_busy: BusyPolicy = strawberry.field(
        default=BusyPolicy.REJECT, description="What to do when a reply is being written already."
    )
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )


@strawberry.input(
    description="For stopReply; with `messageId` only that reply is stopped, never one that began meanwhile."
)
class StopReplyInput:
    conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")
    message_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="The message's id.")


@strawberry.input(description="For addAlternative.")
class AddAlternativeInput:
    message_id: strawberry.ID = strawberry.field(description="The message's id.")
    content: str = strawberry.field(description="The text.")
    reply_mode: ReplyMode = strawberry.field(default=ReplyMode.WAIT, description="When to answer.")
    if_busy: BusyPolicy = strawberry.field(
        default=BusyPolicy.REJECT, description="What to do when a reply is being written already."
    )
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )
