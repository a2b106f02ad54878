"""What mutations answer: what was changed, or why nothing was."""

import strawberry

from schema.character import Character
from schema.conversation import Conversation
from schema.errors import UserError
from schema.message import Message


@strawberry.type
class Payload:
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty when all went well."
    )


@strawberry.type(description="From createCharacter.")
class CreateCharacterPayload(Payload):
    character: Character | None = strawberry.field(default=None, description="The character as it is now.")


@strawberry.type(description="From updateCharacter.")
class UpdateCharacterPayload(Payload):
    character: Character | None = strawberry.field(default=None, description="The character as it is now.")


@strawberry.type(description="From deleteCharacter.")
class DeleteCharacterPayload(Payload):
    deleted_character_id: strawberry.ID | None = strawberry.field(default=None, description="The id it had.")


@strawberry.type(description="From createConversation.")
class CreateConversationPayload(Payload):
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From updateConversation.")
class UpdateConversationPayload(Payload):
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From updateChatHistory.")
class UpdateChatHistoryPayload(Payload):
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From importConversation.")
class ImportConversationPayload(Payload):
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From deleteConversation.")
class DeleteConversationPayload(Payload):
    deleted_conversation_id: strawberry.ID | None = strawberry.field(default=None, description="The id it had.")
    character: Character | None = strawberry.field(default=None, description="The character as it is now.")


@strawberry.type(description="From forkConversation.")
class ForkConversationPayload(Payload):
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From clearHistory.")
class ClearHistoryPayload(Payload):
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )
    cleared_message_count: int = strawberry.field(
        default=0, description="How many messages were deleted, alternatives among them."
    )


@strawberry.type(description="From sendMessage.")
class SendMessagePayload(Payload):
    message: Message | None = strawberry.field(default=None, description="The message.")
    reply: Message | None = strawberry.field(default=None, description="The reply.")
    stream_cursor: str | None = strawberry.field(
        default=None, description="Stands just before the reply's first event; null when there is no reply."
    )
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From requestReply.")
class RequestReplyPayload(Payload):
    reply: Message | None = strawberry.field(default=None, description="The reply.")
    stream_cursor: str | None = strawberry.field(
        default=None, description="Stands just before the reply's first event; null when there is no reply."
    )
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From regenerateReply.")
class RegenerateReplyPayload(Payload):
    reply: Message | None = strawberry.field(default=None, description="The reply.")
    stream_cursor: str | None = strawberry.field(
        default=None, description="Stands just before the reply's first event; null when there is no reply."
    )
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From continueReply.")
class ContinueReplyPayload(Payload):
    reply: Message | None = strawberry.field(default=None, description="The reply.")
    stream_cursor: str | None = strawberry.field(
        default=None, description="Stands just before the reply's first event; null when there is no reply."
    )
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From stopReply.")
class StopReplyPayload(Payload):
    reply: Message | None = strawberry.field(default=None, description="The reply.")
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From selectAlternative.")
class SelectAlternativePayload(Payload):
    message: Message | None = strawberry.field(default=None, description="The message.")
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From addAlternative.")
class AddAlternativePayload(Payload):
    message: Message | None = strawberry.field(default=None, description="The message.")
    reply: Message | None = strawberry.field(default=None, description="The reply.")
    stream_cursor: str | None = strawberry.field(
        default=None, description="Stands just before the reply's first event; null when there is no reply."
    )
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From editMessage.")
class EditMessagePayload(Payload):
    message: Message | None = strawberry.field(default=None, description="The message.")
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )


@strawberry.type(description="From deleteMessage.")
class DeleteMessagePayload(Payload):
    deleted_message_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The message and all that was below it."
    )
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation as it is now."
    )
