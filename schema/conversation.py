"""Talks, and how they change."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

import models
from resolvers import characters as character_fields
from resolvers import conversations as conversation_fields
from resolvers import messages as message_fields
from schema.binding import field, stands_for
from schema.character import Character
from schema.generation import GenerationSettings
from schema.message import Message
from schema.nodes import Versioned
from schema.paging import PAGE_ARGUMENTS, Connection
from services import changes


@strawberry.type(description="One talk with a character.")
@stands_for(models.Conversation)
class Conversation(Versioned):
    character: Character = field(
        character_fields.of_conversation,
        "Whom it was opened with. Stays when conversations get several characters: then it is the first of them.",
    )
    title: str = strawberry.field(description='Defaults to "New conversation"; see titleSource.')
    title_source: models.TitleSource = strawberry.field(description="Where the title comes from.")
    topic: str | None = strawberry.field(description="What the talk is about; given to the model.")
    context: str | None = strawberry.field(description="Extra facts for the model.")
    chat_history: JSON = field(
        conversation_fields.chat_history,
        'The active path in the legacy shape: [{"role": "user", "content": "…", …}]. The whole of it: '
        "counts as its messages.",
    )
    messages: list[Message] = field(
        message_fields.of_conversation,
        "The active path, oldest first: its last messages, or the last ones before `beforeId`.",
        last="How many: 0 to 100.",
        before_id="The message before which they stand.",
    )
    messages_connection: Connection[Message] = field(
        message_fields.connection_of_conversation,
        "The active path; with `includeInactive` the whole tree, by position, then age.",
        **PAGE_ARGUMENTS,
        include_inactive="Whether messages off the active path are listed too.",
    )
    message_count: int = strawberry.field(description="How many messages the active path has.")
    last_message: Message | None = field(message_fields.last_of_conversation, "The end of the active path.")
    active_reply: Message | None = field(message_fields.active_reply, "The reply being written now.")
    stream_cursor: str = field(
        conversation_fields.stream_cursor,
        "Give it to replyStream(after:) to miss nothing. Never newer than any text selected beside it; deltas may "
        "overlap that text, their `offset` tells.",
    )
    forked_from: Message | None = field(
        message_fields.forked_from, "The message up to which it was copied from another."
    )
    generation: GenerationSettings = strawberry.field(description="How replies are generated here.")
    version: int = strawberry.field(
        description="Grows when title, topic, context or generation are changed by somebody; not by messages."
    )
    history_version: int = strawberry.field(
        description="Grows when a message is stored, edited, deleted or selected and when a reply begins or ends; "
        "not while it is written."
    )
    active_at: datetime = strawberry.field(description="When somebody last spoke here, or `createdAt`.")
    created_at: datetime = strawberry.field(description="When it was opened.")
    updated_at: datetime = strawberry.field(description="When anything of it last changed.")


@strawberry.type(
    description="A change seen from outside. Compare `version` and `historyVersion` to know what to fetch."
)
@stands_for(changes.ConversationChange)
class ConversationChange:
    conversation: Conversation | None = strawberry.field(description="Null once it is deleted.")
    deleted_conversation_id: strawberry.ID | None = strawberry.field(description="Its id, once it is deleted.")
