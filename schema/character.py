"""GraphQL type Character."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

import models
from resolvers import conversations as conversation_fields
from schema import descriptions
from schema.binding import field, represents
from schema.generation import GenerationSettings
from schema.nodes import Speaker, Versioned
from schema.paging import FIRST, PAGE_ARGUMENTS, Connection

if TYPE_CHECKING:
    from schema.conversation import Conversation

_LISTING = {"order_by": descriptions.CONVERSATION_ORDER, "search": descriptions.SEARCH_TITLE}


@strawberry.type(
    description="A character to chat with. In its texts, `{{char}}` stands for its name and `{{user}}` for the "
    "name of the user."
)
@represents(models.Character)
class Character(Versioned, Speaker):
    name: str = strawberry.field(description=descriptions.CHARACTER_NAME)
    avatar_url: str | None = strawberry.field(description=descriptions.AVATAR_URL)
    description: str = strawberry.field(description=descriptions.CHARACTER_DESCRIPTION)
    personality: str = strawberry.field(description=descriptions.PERSONALITY)
    scenario: str = strawberry.field(description=descriptions.SCENARIO)
    system_prompt: str = strawberry.field(description=descriptions.SYSTEM_PROMPT)
    post_history_instructions: str = strawberry.field(description=descriptions.POST_HISTORY_INSTRUCTIONS)
    example_dialogue: str = strawberry.field(description=descriptions.EXAMPLE_DIALOGUE)
    greeting: str | None = strawberry.field(description=descriptions.GREETING)
    alternate_greetings: list[str] = strawberry.field(description=descriptions.ALTERNATE_GREETINGS)
    tags: list[str] = strawberry.field(description=descriptions.TAGS)
    generation: GenerationSettings = strawberry.field(description=descriptions.CHARACTER_GENERATION)
    extra: JSON = strawberry.field(
        name="metadata",
        description="Data of the character that has no field of its own, for example from an import. The server "
        "never drops it.",
    )
    conversations: list[Annotated["Conversation", strawberry.lazy("schema.conversation")]] = field(
        conversation_fields.of_character,
        "The first conversations with the character, in the given order.",
        first=FIRST,
        **_LISTING,
    )
    conversations_connection: Connection[Annotated["Conversation", strawberry.lazy("schema.conversation")]] = (
        field(
            conversation_fields.connection_of_character,
            "All conversations with the character, in pages.",
            **PAGE_ARGUMENTS,
            **_LISTING,
        )
    )
    conversation_count: int = field(
        conversation_fields.count_of_character, "How many conversations with the character there are."
    )
    version: int = strawberry.field(
        description="The version of the character; it grows when a field of the character changes. Pass it as "
        "`expectedVersion` to prevent lost updates."
    )
    active_at: datetime = strawberry.field(
        description="When a conversation with the character was last active, as Conversation.activeAt defines it; "
        "`createdAt` until then."
    )
    created_at: datetime = strawberry.field(description="When the character was created.")
    updated_at: datetime = strawberry.field(description="When a field of the character last changed.")
