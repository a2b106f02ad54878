"""Things said."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Optional

import strawberry
from strawberry.scalars import JSON

import models
from resolvers import characters as character_fields
from resolvers import conversations as conversation_fields
from resolvers import messages as message_fields
from schema.binding import field, stands_for
from schema.generation import ReplyFailure, TokenUsage
from schema.nodes import Node, Speaker

if TYPE_CHECKING:
    from schema.conversation import Conversation


@strawberry.type(
    description=(
        "Messages form a tree. Siblings are alternatives (swipes, edits); the active path is the conversation."
    )
)
@stands_for(models.Message)
class Message(Node):
    conversation: Annotated["Conversation", strawberry.lazy("schema.conversation")] = field(
        conversation_fields.of_message, "Where it was said."
    )
    role: models.Role = strawberry.field(description="On whose side it stands.")
    speaker: Speaker | None = field(
        character_fields.speaker_of, "Who says it: the character for a reply; null where only the role is known."
    )
    content: str = strawberry.field(
        description="What was said: the text so far while STREAMING, the final text otherwise."
    )
    status: models.Status = strawberry.field(description="How far it is.")
    position: int = strawberry.field(description="Depth in the tree, from 0.")
    active: bool = strawberry.field(description="Whether it is on the active path.")
    parent: Optional["Message"] = field(message_fields.parent, "What it follows.")
    alternatives: list["Message"] = field(
        message_fields.alternatives, "This message and its siblings, oldest first."
    )
    alternative_index: int = field(message_fields.alternative_index, "Its place among `alternatives`, from 0.")
    alternative_count: int = field(message_fields.alternative_count, "How many `alternatives` there are.")
    finish_reason: models.FinishReason | None = strawberry.field(
        description="Null unless COMPLETED or STOPPED, and for messages nobody generated."
    )
    failure: ReplyFailure | None = strawberry.field(
        description="Why a reply is FAILED or INTERRUPTED; safe to show."
    )
    model: str | None = strawberry.field(description="Which model wrote it.")
    usage: TokenUsage | None = strawberry.field(description="What writing it cost.")
    metadata: JSON = field(message_fields.metadata, "Legacy keys such as `action`, import leftovers.")
    edited_at: datetime | None = strawberry.field(description="When its text was last changed by somebody.")
    created_at: datetime | None = strawberry.field(
        description="When it was said; null when an import did not know. `position` orders, never this."
    )
    updated_at: datetime = strawberry.field(description="When anything of it last changed.")
