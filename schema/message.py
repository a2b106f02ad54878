"""GraphQL type Message."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Optional

import strawberry
from strawberry.scalars import JSON

import models
from resolvers import characters as character_fields
from resolvers import conversations as conversation_fields
from resolvers import messages as message_fields
from schema.binding import field, represents
from schema.generation import ReplyFailure, TokenUsage
from schema.nodes import Node, Speaker
from schema.paging import FIRST

if TYPE_CHECKING:
    from schema.conversation import Conversation


@strawberry.type(
    description="A message of a conversation; a reply is a message that the character writes. Messages form a "
    "tree: messages with the same parent are alternatives of each other (swipes, edits). The active path is the "
    "line of messages that makes up the conversation, as clients show it and as the model reads it."
)
@represents(models.Message)
class Message(Node):
    conversation: Annotated["Conversation", strawberry.lazy("schema.conversation")] = field(
        conversation_fields.of_message, "The conversation that the message belongs to."
    )
    role: models.Role = strawberry.field(description="The role of the message: who its author is.")
    speaker: Speaker | None = field(
        character_fields.speaker_of,
        "The author of the message: the character for a reply; null when only the role is known.",
    )
    content: str = strawberry.field(
        description="The text of the message: the text so far while the status is STREAMING, the final text "
        "otherwise."
    )
    excerpt: str = field(
        message_fields.excerpt,
        "The beginning of `content` as one line without markup, for lists: it ends with `…` where something is "
        "left out.",
        length="Returns at most this many characters (1–1000).",
    )
    status: models.Status = strawberry.field(
        description="The status of the message: whether it is final, and how a reply ended."
    )
    position: int = strawberry.field(description="The depth of the message in the tree, from 0.")
    active: bool = strawberry.field(name="isActive", description="Whether the message is on the active path.")
    parent: Optional["Message"] = field(
        message_fields.parent, "The message that this message follows; null when it is the first of its path."
    )
    alternatives: list["Message"] = field(
        message_fields.alternatives,
        "The alternatives of the message: the messages with the same parent, this one included, oldest first.",
        first=FIRST,
    )
    alternative_index: int = field(
        message_fields.alternative_index, "The index of the message in `alternatives`, from 0."
    )
    alternative_count: int = field(
        message_fields.alternative_count, "How many `alternatives` there are; 1 when there is only this message."
    )
    finish_reason: models.FinishReason | None = strawberry.field(
        description="Why the text of the reply ends where it ends; null unless the status is COMPLETED or "
        "STOPPED, and for messages that no model generated."
    )
    failure: ReplyFailure | None = strawberry.field(
        description="Why the reply is FAILED or INTERRUPTED, in words that are safe to show to users; null "
        "otherwise."
    )
    model: str | None = strawberry.field(
        description="The name of the model that wrote the reply; null for messages that no model generated."
    )
    usage: TokenUsage | None = strawberry.field(
        description="Tokens used by the reply, in all its runs; null when unknown and for messages that no model "
        "generated."
    )
    metadata: JSON = field(
        message_fields.metadata,
        "Data of the message that has no field of its own, such as the legacy key `action` and other imported "
        "keys.",
    )
    edited_at: datetime | None = strawberry.field(
        description="When the text of the message was last edited; null when it never was."
    )
    created_at: datetime | None = strawberry.field(
        description="When the message was created; null when an import did not know. Order messages by "
        "`position`, never by this."
    )
    updated_at: datetime = strawberry.field(description="When the message last changed.")
