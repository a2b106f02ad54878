"""GraphQL types Conversation and ConversationChange."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

import models
from resolvers import characters as character_fields
from resolvers import conversations as conversation_fields
from resolvers import messages as message_fields
from schema import descriptions
from schema.binding import field, represents
from schema.character import Character
from schema.generation import GenerationSettings
from schema.message import Message
from schema.nodes import Versioned
from schema.paging import FIRST, PAGE_ARGUMENTS, Connection
from schema.prices import priced
from services.messages import LAST_PAGE
from services.streaming import changes


@strawberry.type(
    description="A conversation with a character. Its messages form a tree, whose active path is what clients "
    "show and what the model reads; see Message."
)
@represents(models.Conversation)
class Conversation(Versioned):
    character: Character = field(
        character_fields.of_conversation,
        "The character that the conversation was created with; if conversations get several characters, this "
        "stays the first of them.",
    )
    title: str = strawberry.field(
        description='The title of the conversation; "New conversation" by default (see `titleSource`).'
    )
    title_source: models.TitleSource = strawberry.field(
        description="Where the title of the conversation comes from."
    )
    topic: str | None = strawberry.field(description=descriptions.TOPIC)
    context: str | None = strawberry.field(description=descriptions.CONTEXT)
    chat_history: JSON = field(
        conversation_fields.chat_history,
        'The complete active path in the legacy format, as one JSON list: [{"role": "user", "content": "…", …}]. '
        "Replies that got no text are left out.",
    )
    messages: list[Message] = field(
        message_fields.of_conversation,
        "The last messages of the active path, the oldest of them first. A short list without cursors: use "
        "`messagesConnection` to page.",
        last=FIRST,
    )
    messages_connection: Connection[Message] = priced(
        field(
            message_fields.connection_of_conversation,
            "The messages of the active path, in pages. With `includeInactive`, all messages of the conversation, "
            "ordered by position and then by age.",
            **PAGE_ARGUMENTS,
            include_inactive="Whether to return the messages outside the active path too.",
            around="Returns the page that has the message with this id in its middle. For a message outside the "
            "active path, which only `includeInactive` shows, it is the page around the message at the same "
            "position. Goes with `first` (50 by default), not with "
            "`after`, `last` or `before`. An id of no message of this conversation is the error NOT_FOUND.",
        ),
        length=LAST_PAGE.size,
    )
    message_count: int = strawberry.field(description="How many messages the active path has.")
    first_user_message: Message | None = field(
        message_fields.first_of_user,
        "The first message of the user on the active path; null when the user has said nothing.",
    )
    last_message: Message | None = field(
        message_fields.last_of_conversation,
        "The last message of the active path; null when the conversation has no messages.",
    )
    active_reply: Message | None = field(
        message_fields.active_reply, "The reply that is being written now; null when there is none."
    )
    stream_cursor: str = field(
        conversation_fields.stream_cursor,
        "The stream cursor of the conversation as it is in this result: pass it as `after` to replyStream to miss "
        "no event. Some of the first deltas may be part of the texts in this result already; apply each at its "
        "`offset`.",
    )
    forked_from: Message | None = field(
        message_fields.forked_from,
        "The message up to which forkConversation copied another conversation into this one; null when this is no "
        "fork, or when that message was deleted.",
    )
    generation: GenerationSettings = strawberry.field(description=descriptions.CONVERSATION_GENERATION)
    version: int = strawberry.field(
        description="The version of the conversation's own fields; it grows when the title, topic, context or "
        "generation settings change, not with messages. Pass it as `expectedVersion` to prevent lost updates."
    )
    history_version: int = strawberry.field(
        description="The version of the conversation's messages; it grows when a message is stored, edited, "
        "deleted or selected and when a reply begins or ends, not while a reply is being written. Pass it as "
        "`expectedHistoryVersion` to prevent lost updates."
    )
    active_at: datetime = strawberry.field(
        description="When a message was last sent, a reply last ended or the chat history was last replaced in "
        "the conversation; `createdAt` until then."
    )
    created_at: datetime = strawberry.field(description="When the conversation was created.")
    updated_at: datetime = strawberry.field(
        description="When a field or a message of the conversation last changed."
    )


@strawberry.type(
    description="A change of a conversation. Compare `version` and `historyVersion` with the ones you have to "
    "know what to fetch."
)
@represents(changes.ConversationChange)
class ConversationChange:
    conversation: Conversation | None = strawberry.field(
        description="The conversation after the change; null when it was deleted."
    )
    deleted_conversation_id: strawberry.ID | None = strawberry.field(
        description="The id of the conversation when it was deleted; null otherwise."
    )
