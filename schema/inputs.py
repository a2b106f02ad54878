"""GraphQL inputs of mutations, except of those that request or stop a reply (schema.reply_inputs).

The fields of an input are the parameters of the resolver that its mutation is bound to, or go into the resolver's
`fields`. UNSET tells an omitted field from null, which clears.
"""

import strawberry
from strawberry.scalars import JSON

from schema import descriptions
from schema.generation import GenerationInput

_METADATA = "Data of the character that has no field of its own, as a JSON object."
_CHAT_HISTORY = (
    'The chat history in the legacy format: a list of {"role": "user" | "assistant" | "system", "content": "…", '
    "…}. Other keys, and other roles, are kept as the metadata of the message."
)
_CHARACTER_TO_TALK_WITH = "The id of the character that the conversation is with."
_TITLE = "The title of the conversation (1–200 characters)."


@strawberry.input(description="The character that createCharacter creates.")
class CreateCharacterInput:
    name: str = strawberry.field(description=descriptions.CHARACTER_NAME)
    description: str = strawberry.field(default="", description=descriptions.CHARACTER_DESCRIPTION)
    personality: str = strawberry.field(default="", description=descriptions.PERSONALITY)
    scenario: str = strawberry.field(default="", description=descriptions.SCENARIO)
    system_prompt: str = strawberry.field(default="", description=descriptions.SYSTEM_PROMPT)
    post_history_instructions: str = strawberry.field(
        default="", description=descriptions.POST_HISTORY_INSTRUCTIONS
    )
    example_dialogue: str = strawberry.field(default="", description=descriptions.EXAMPLE_DIALOGUE)
    greeting: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.GREETING)
    alternate_greetings: list[str] = strawberry.field(
        default_factory=list, description=descriptions.ALTERNATE_GREETINGS
    )
    tags: list[str] = strawberry.field(default_factory=list, description=descriptions.TAGS)
    avatar_url: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.AVATAR_URL)
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.CHARACTER_GENERATION
    )
    metadata: JSON | None = strawberry.field(default=strawberry.UNSET, description=_METADATA)
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )


@strawberry.input(
    description="The changes that updateCharacter makes to a character. An omitted field stays as it is and null "
    "clears it; `generation` and `metadata` change key by key."
)
class UpdateCharacterInput:
    character_id: strawberry.ID = strawberry.field(description="The id of the character to change.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.CHARACTER_NAME)
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.CHARACTER_DESCRIPTION
    )
    personality: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.PERSONALITY)
    scenario: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.SCENARIO)
    system_prompt: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.SYSTEM_PROMPT)
    post_history_instructions: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.POST_HISTORY_INSTRUCTIONS
    )
    example_dialogue: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.EXAMPLE_DIALOGUE
    )
    greeting: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.GREETING)
    alternate_greetings: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.ALTERNATE_GREETINGS
    )
    tags: list[str] | None = strawberry.field(default=strawberry.UNSET, description=descriptions.TAGS)
    avatar_url: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.AVATAR_URL)
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.CHARACTER_GENERATION
    )
    metadata: JSON | None = strawberry.field(default=strawberry.UNSET, description=_METADATA)
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.EXPECTED_VERSION
    )


@strawberry.input(description="The character that deleteCharacter deletes, with all its conversations.")
class DeleteCharacterInput:
    character_id: strawberry.ID = strawberry.field(description="The id of the character to delete.")


@strawberry.input(description="The conversation that createConversation creates.")
class CreateConversationInput:
    character_id: strawberry.ID = strawberry.field(description=_CHARACTER_TO_TALK_WITH)
    title: str | None = strawberry.field(default=strawberry.UNSET, description=_TITLE)
    topic: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.TOPIC)
    context: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.CONTEXT)
    include_greeting: bool = strawberry.field(
        default=True, description="Whether the conversation begins with the greeting of the character."
    )
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.CONVERSATION_GENERATION
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )


@strawberry.input(
    description="The changes that updateConversation makes to a conversation. An omitted field stays as it is and "
    "null clears it (the title becomes the default title); `generation` changes key by key."
)
class UpdateConversationInput:
    conversation_id: strawberry.ID = strawberry.field(description="The id of the conversation to change.")
    title: str | None = strawberry.field(default=strawberry.UNSET, description=_TITLE)
    topic: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.TOPIC)
    context: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.CONTEXT)
    generation: GenerationInput | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.CONVERSATION_GENERATION
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.EXPECTED_VERSION
    )


@strawberry.input(description="The chat history with which updateChatHistory replaces that of a conversation.")
class UpdateChatHistoryInput:
    conversation_id: strawberry.ID = strawberry.field(
        description="The id of the conversation whose chat history to replace."
    )
    chat_history: JSON = strawberry.field(description=_CHAT_HISTORY)
    expected_history_version: int | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.EXPECTED_HISTORY_VERSION
    )


@strawberry.input(description="The chat history from which importConversation creates a conversation.")
class ImportConversationInput:
    character_id: strawberry.ID = strawberry.field(description=_CHARACTER_TO_TALK_WITH)
    chat_history: JSON = strawberry.field(description=_CHAT_HISTORY)
    title: str | None = strawberry.field(default=strawberry.UNSET, description=_TITLE)
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )


@strawberry.input(description="The conversation that deleteConversation deletes, with its messages.")
class DeleteConversationInput:
    conversation_id: strawberry.ID = strawberry.field(description="The id of the conversation to delete.")


@strawberry.input(description="The conversation that forkConversation copies into a new one.")
class ForkConversationInput:
    conversation_id: strawberry.ID = strawberry.field(description="The id of the conversation to copy.")
    up_to_message_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of the last message to copy; when omitted, the whole active path is copied.",
    )
    title: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The title of the new conversation (1–200 characters); when omitted, the title is copied too.",
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.IDEMPOTENCY_KEY
    )


@strawberry.input(description="The conversation whose messages clearHistory deletes.")
class ClearHistoryInput:
    conversation_id: strawberry.ID = strawberry.field(description="The id of the conversation to clear.")
    include_greeting: bool = strawberry.field(
        default=True, description="Whether the cleared conversation begins with the greeting of the character."
    )
    expected_history_version: int | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.EXPECTED_HISTORY_VERSION
    )


@strawberry.input(description="The message that selectAlternative puts on the active path.")
class SelectAlternativeInput:
    message_id: strawberry.ID = strawberry.field(description="The id of the message to put on the active path.")


@strawberry.input(description="The message whose text editMessage changes, and its new text.")
class EditMessageInput:
    message_id: strawberry.ID = strawberry.field(description="The id of the message to edit.")
    content: str = strawberry.field(description="The new text of the message.")
    expected_history_version: int | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.EXPECTED_HISTORY_VERSION
    )


@strawberry.input(description="The message that deleteMessage deletes, with all messages below it.")
class DeleteMessageInput:
    message_id: strawberry.ID = strawberry.field(description="The id of the message to delete.")
    expected_history_version: int | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.EXPECTED_HISTORY_VERSION
    )
