"""Whom one talks with."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

import models
from resolvers import conversations as conversation_fields
from schema.binding import field, stands_for
from schema.generation import GenerationSettings
from schema.nodes import Speaker, Versioned
from schema.paging import PAGE_ARGUMENTS, Connection

if TYPE_CHECKING:
    from schema.conversation import Conversation

_LISTING = {"order_by": "In which order.", "search": "Only those whose title contains this."}


@strawberry.type(description="Somebody to talk with.")
@stands_for(models.Character)
class Character(Versioned, Speaker):
    description: str = strawberry.field(description="Who they are, as the model is told.")
    personality: str = strawberry.field(description="What they are like.")
    scenario: str = strawberry.field(description="Where and when one meets them.")
    system_prompt: str = strawberry.field(description="Replaces the server's own instructions to the model.")
    post_history_instructions: str = strawberry.field(description="What the model reads last, after the history.")
    example_dialogue: str = strawberry.field(description="How they talk, by example.")
    greeting: str | None = strawberry.field(description="What they say first in a new conversation.")
    alternate_greetings: list[str] = strawberry.field(description="Other first words, kept as alternatives.")
    tags: list[str] = strawberry.field(description="Words to sort them by.")
    generation: GenerationSettings = strawberry.field(description="How their replies are generated.")
    extra: JSON = strawberry.field(
        name="metadata",
        description="Whatever an import brought along that has no field; never lost.",
    )
    conversations: list[Annotated["Conversation", strawberry.lazy("schema.conversation")]] = field(
        conversation_fields.of_character,
        "Conversations with them.",
        first="How many: 0 to 100.",
        **_LISTING,
    )
    conversations_connection: Connection[Annotated["Conversation", strawberry.lazy("schema.conversation")]] = (
        field(
            conversation_fields.connection_of_character,
            "Conversations with them, in pages.",
            **PAGE_ARGUMENTS,
            **_LISTING,
        )
    )
    conversation_count: int = field(
        conversation_fields.count_of_character, "How many conversations there are with them."
    )
    version: int = strawberry.field(
        description="Grows when a field of the character changes; `expectedVersion` guards against lost updates."
    )
    active_at: datetime = strawberry.field(
        description="When somebody last spoke in one of its conversations, or `createdAt`."
    )
    created_at: datetime = strawberry.field(description="When the character was made.")
    updated_at: datetime = strawberry.field(description="When a field of the character last changed.")
