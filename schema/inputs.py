"""What mutations take. Field names are the parameters of the resolver they are bound to, or go into its `fields`.

UNSET tells an omitted field from null, which clears.
"""

import strawberry
from strawberry.scalars import JSON

from schema.generation import GenerationInput


@strawberry.input(description="For createCharacter.")
class CreateCharacterInput:
    name: str = strawberry.field(description="Its name.")
    description: str = strawberry.field(default="", description="Who they are, as the model is told.")
    personality: str = strawberry.field(default="", description="What they are like.")
    scenario: str = strawberry.field(default="", description="Where and when one meets them.")
    system_prompt: str = strawberry.field(
        default="", description="Replaces the server's own instructions to the model."
    )
    post_history_instructions: str = strawberry.field(
        default="", description="What the model reads last, after the history."
    )
    example_dialogue: str = strawberry.field(default="", description="How they talk, by example.")
    greeting: str | None = strawberry.field(default=strawberry.UNSET, description="What they say first.")
    alternate_greetings: list[str] = strawberry.field(default_factory=list, description="Other first words.")
    tags: list[str] = strawberry.field(default_factory=list, description="Words to sort them by.")
    avatar_url: str | None = strawberry.field(default=strawberry.UNSET, description="Where their picture is.")
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    metadata: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="A JSON object of whatever has no field."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )


@strawberry.input(
    description="For updateCharacter. What is left out stays; null clears, `generation` and `metadata` key by key."
)
class UpdateCharacterInput:
    character_id: strawberry.ID = strawberry.field(description="The character's id.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its name.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Who they are, as the model is told."
    )
    personality: str | None = strawberry.field(default=strawberry.UNSET, description="What they are like.")
    scenario: str | None = strawberry.field(default=strawberry.UNSET, description="Where and when one meets them.")
    system_prompt: str | None = strawberry.field(
        default=strawberry.UNSET, description="Replaces the server's own instructions to the model."
    )
    post_history_instructions: str | None = strawberry.field(
        default=strawberry.UNSET, description="What the model reads last, after the history."
    )
    example_dialogue: str | None = strawberry.field(
        default=strawberry.UNSET, description="How they talk, by example."
    )
    greeting: str | None = strawberry.field(default=strawberry.UNSET, description="What they say first.")
    alternate_greetings: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Other first words."
    )
    tags: list[str] | None = strawberry.field(default=strawberry.UNSET, description="Words to sort them by.")
    avatar_url: str | None = strawberry.field(default=strawberry.UNSET, description="Where their picture is.")
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    metadata: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="A JSON object of whatever has no field."
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The `version` you saw; if it has grown since, nothing is changed."
    )


@strawberry.input(description="For deleteCharacter.")
class DeleteCharacterInput:
    character_id: strawberry.ID = strawberry.field(description="The character's id.")


@strawberry.input(description="For createConversation.")
class CreateConversationInput:
    character_id: strawberry.ID = strawberry.field(description="The character's id.")
    title: str | None = strawberry.field(default=strawberry.UNSET, description="Its title.")
    topic: str | None = strawberry.field(default=strawberry.UNSET, description="What the talk is about.")
    context: str | None = strawberry.field(default=strawberry.UNSET, description="Extra facts for the model.")
    include_greeting: bool = strawberry.field(default=True, description="Whether the character speaks first.")
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )


@strawberry.input(description="For updateConversation. What is left out stays; null clears.")
class UpdateConversationInput:
    conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")
    title: str | None = strawberry.field(default=strawberry.UNSET, description="Its title.")
    topic: str | None = strawberry.field(default=strawberry.UNSET, description="What the talk is about.")
    context: str | None = strawberry.field(default=strawberry.UNSET, description="Extra facts for the model.")
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description="How to generate; see GenerationSettings."
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The `version` you saw; if it has grown since, nothing is changed."
    )


@strawberry.input(description="For updateChatHistory.")
class UpdateChatHistoryInput:
    conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")
    chat_history: JSON = strawberry.field(
        description='A list of {"role": "user" | "assistant" | "system", "content": "…", …}.'
    )
    expected_history_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `historyVersion` you saw; if it has grown since, nothing is changed.",
    )


@strawberry.input(description="For importConversation.")
class ImportConversationInput:
    character_id: strawberry.ID = strawberry.field(description="The character's id.")
    chat_history: JSON = strawberry.field(
        description='A list of {"role": "user" | "assistant" | "system", "content": "…", …}.'
    )
    title: str | None = strawberry.field(default=strawberry.UNSET, description="Its title.")
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )


@strawberry.input(description="For deleteConversation.")
class DeleteConversationInput:
    conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")


@strawberry.input(description="For forkConversation.")
class ForkConversationInput:
    conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")
    up_to_message_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The last message to copy; without it, the whole active path."
    )
    title: str | None = strawberry.field(default=strawberry.UNSET, description="Its title.")
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A text of your own: the same request with the same key is done once.",
    )


@strawberry.input(description="For clearHistory.")
class ClearHistoryInput:
    conversation_id: strawberry.ID = strawberry.field(description="The conversation's id.")
    include_greeting: bool = strawberry.field(default=True, description="Whether the character speaks first.")
    expected_history_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `historyVersion` you saw; if it has grown since, nothing is changed.",
    )


@strawberry.input(description="For selectAlternative.")
class SelectAlternativeInput:
    message_id: strawberry.ID = strawberry.field(description="The message's id.")


@strawberry.input(description="For editMessage.")
class EditMessageInput:
    message_id: strawberry.ID = strawberry.field(description="The message's id.")
    content: str = strawberry.field(description="The text.")
    expected_history_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `historyVersion` you saw; if it has grown since, nothing is changed.",
    )


@strawberry.input(description="For deleteMessage.")
class DeleteMessageInput:
    message_id: strawberry.ID = strawberry.field(description="The message's id.")
    expected_history_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `historyVersion` you saw; if it has grown since, nothing is changed.",
    )
