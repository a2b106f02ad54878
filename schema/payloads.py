"""GraphQL payloads of mutations: what was changed, or why nothing was changed."""

import strawberry

from schema.character import Character
from schema.conversation import Conversation
from schema.errors import UserError
from schema.message import Message
from schema.prices import priced

_CONVERSATION = "The conversation after the mutation; null on error."
_NEW_CONVERSATION = "The new conversation; null on error."
_REPLY = "The reply; null on error, and when none was requested."
_STREAM_CURSOR = (
    "The stream cursor just before the first event of the reply: pass it as `after` to replyStream to miss no "
    "event. Null when there is no reply."
)


@strawberry.type
class Payload:
    user_errors: list[UserError] = priced(
        strawberry.field(default_factory=list, description="Why nothing was changed; empty on success."), length=1
    )


@strawberry.type(description="The result of createCharacter.")
class CreateCharacterPayload(Payload):
    character: Character | None = strawberry.field(default=None, description="The new character; null on error.")


@strawberry.type(description="The result of updateCharacter.")
class UpdateCharacterPayload(Payload):
    character: Character | None = strawberry.field(
        default=None, description="The character after the mutation; null on error."
    )


@strawberry.type(description="The result of deleteCharacter.")
class DeleteCharacterPayload(Payload):
    deleted_character_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted character; null on error."
    )
    deleted_conversation_count: int = strawberry.field(
        default=0, description="How many conversations were deleted with the character."
    )


@strawberry.type(description="The result of createConversation.")
class CreateConversationPayload(Payload):
    conversation: Conversation | None = strawberry.field(default=None, description=_NEW_CONVERSATION)


@strawberry.type(description="The result of updateConversation.")
class UpdateConversationPayload(Payload):
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of updateChatHistory.")
class UpdateChatHistoryPayload(Payload):
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of importConversation.")
class ImportConversationPayload(Payload):
    conversation: Conversation | None = strawberry.field(default=None, description=_NEW_CONVERSATION)


@strawberry.type(description="The result of deleteConversation.")
class DeleteConversationPayload(Payload):
    deleted_conversation_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted conversation; null on error."
    )
    character: Character | None = strawberry.field(
        default=None, description="The character that the conversation was with; null on error."
    )


@strawberry.type(description="The result of forkConversation.")
class ForkConversationPayload(Payload):
    conversation: Conversation | None = strawberry.field(default=None, description=_NEW_CONVERSATION)


@strawberry.type(description="The result of clearHistory.")
class ClearHistoryPayload(Payload):
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)
    cleared_message_count: int = strawberry.field(
        default=0, description="How many messages were deleted, alternatives included."
    )


@strawberry.type(description="The result of sendMessage.")
class SendMessagePayload(Payload):
    message: Message | None = strawberry.field(
        default=None, description="The message that was sent; null on error."
    )
    reply: Message | None = strawberry.field(default=None, description=_REPLY)
    stream_cursor: str | None = strawberry.field(default=None, description=_STREAM_CURSOR)
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of requestReply.")
class RequestReplyPayload(Payload):
    reply: Message | None = strawberry.field(default=None, description=_REPLY)
    stream_cursor: str | None = strawberry.field(default=None, description=_STREAM_CURSOR)
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of regenerateReply.")
class RegenerateReplyPayload(Payload):
    reply: Message | None = strawberry.field(default=None, description=_REPLY)
    stream_cursor: str | None = strawberry.field(default=None, description=_STREAM_CURSOR)
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of continueReply.")
class ContinueReplyPayload(Payload):
    reply: Message | None = strawberry.field(default=None, description=_REPLY)
    stream_cursor: str | None = strawberry.field(default=None, description=_STREAM_CURSOR)
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of stopReply.")
class StopReplyPayload(Payload):
    reply: Message | None = strawberry.field(
        default=None, description="The reply that was stopped, or that the input names; null when there was none."
    )
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of selectAlternative.")
class SelectAlternativePayload(Payload):
    message: Message | None = strawberry.field(
        default=None, description="The message that is on the active path now; null on error."
    )
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of addAlternative.")
class AddAlternativePayload(Payload):
    message: Message | None = strawberry.field(
        default=None, description="The message that was added as an alternative; null on error."
    )
    reply: Message | None = strawberry.field(default=None, description=_REPLY)
    stream_cursor: str | None = strawberry.field(default=None, description=_STREAM_CURSOR)
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of editMessage.")
class EditMessagePayload(Payload):
    message: Message | None = strawberry.field(
        default=None, description="The message after the mutation; null on error."
    )
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)


@strawberry.type(description="The result of deleteMessage.")
class DeleteMessagePayload(Payload):
    deleted_message_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the deleted messages: the message and all messages below it."
    )
    conversation: Conversation | None = strawberry.field(default=None, description=_CONVERSATION)
