"""Opening conversations: rows, titles, and the greeting. Each function works inside its caller's transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Generation, Message, Role, Status, TitleSource, new_key
from services import checking
from services.errors import InvalidInput
from services.generations import generation_with
from services.prompting.macros import Names
from services.search import texts

DEFAULT_TITLE = "New conversation"


async def add_conversation(
    session: AsyncSession, character: Character, fields: Mapping[str, Any] | None = None
) -> Conversation:
    """Stores a new, empty conversation with the character."""
    conversation = Conversation(
        id=new_key("conv"),
        character_id=character.id,
        title=DEFAULT_TITLE,
        title_folded=checking.fold(DEFAULT_TITLE),
        title_source=TitleSource.DEFAULT,
        generation=Generation(),
        history_version=1,
        message_count=0,
    )
    apply_fields(conversation, fields or {})
    session.add(conversation)
    await session.flush()
    await count_conversations(session, character.id, 1)
    return conversation


async def greet(session: AsyncSession, conversation: Conversation, character: Character, user_name: str) -> bool:
    """Stores the character's greeting to an empty conversation; its other greetings become alternatives.

    Returns whether there is a greeting. Raises InvalidInput.
    """
    names = Names(character.name, user_name)
    greetings = [text for text in (character.greeting, *character.alternate_greetings) if text and text.strip()]
    messages = [
        Message(
            id=new_key("msg"),
            conversation_id=conversation.id,
            position=0,
            active=index == 0,
            selected=index == 0,
            role=Role.ASSISTANT,
            speaker_id=character.id,
            content=_expanded(names, text),
            status=Status.COMPLETED,
        )
        for index, text in enumerate(greetings)
    ]
    conversation.message_count = 1 if messages else 0
    session.add_all(messages)
    await session.flush()
    await texts.keep(session, *messages)
    return bool(messages)


def _expanded(names: Names, greeting: str) -> str:
    """Raises InvalidInput: with names in the place of macros, a greeting may be longer than a message may be."""
    content = names.expand_macros(greeting)
    if len(content) > checking.TEXT_LENGTH:
        raise InvalidInput(
            f"The greeting has {len(content):,} characters with its macros expanded; the limit is "
            f"{checking.TEXT_LENGTH:,}. Shorten it, or open the conversation without it.",
            "include_greeting",
        )
    return content


def entitle(conversation: Conversation, title: str, source: TitleSource) -> None:
    conversation.title = checking.name(title, "title")
    conversation.title_folded = checking.fold(conversation.title)
    conversation.title_source = source


def apply_fields(conversation: Conversation, fields: Mapping[str, Any]) -> None:
    """Checks and sets each field that is given."""
    if "title" in fields:
        named = fields["title"] is not None
        entitle(
            conversation,
            fields["title"] if named else DEFAULT_TITLE,
            TitleSource.USER if named else TitleSource.DEFAULT,
        )
    for field in ("topic", "context"):
        if field in fields:
            setattr(conversation, field, checking.text(fields[field], field) if fields[field] else None)
    if "generation" in fields:
        conversation.generation = generation_with(conversation.generation, fields["generation"])


async def count_conversations(session: AsyncSession, character_id: str, more: int) -> None:
    """Raises the number of conversations that the character keeps, in the database."""
    await session.execute(
        update(Character)
        .where(Character.id == character_id)
        .values(conversation_count=Character.conversation_count + more)
        .execution_options(synchronize_session=False)
    )
