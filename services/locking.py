"""Row locks, always taken in one order: conversation, open run, messages, character.

A change locks the conversation first and reads what it decides by afterwards: once the lock is held, a row that is
read reflects whatever the change before committed. SQLite, which has one writer at a time, needs no row locks.
"""

from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Message, Prepared, now
from services.errors import NotFound, VersionConflict


async def lock_conversation(
    session: AsyncSession, conversation_id: str, expected_history_version: int | None = None
) -> Conversation:
    """Raises NotFound, and VersionConflict when the history has another version than the expected one."""
    conversation = await find_and_lock(session, select(Conversation).where(Conversation.id == conversation_id))
    if conversation is None:
        raise NotFound("conversation", conversation_id)
    _expect(conversation, expected_history_version)
    return conversation  # type: ignore[no-any-return]


async def lock_message(
    session: AsyncSession, message_id: str, expected_history_version: int | None = None
) -> tuple[Message, Conversation]:
    """Locks the message's conversation, then reads the message. Raises NotFound and VersionConflict."""
    of_message = select(Message.conversation_id).where(Message.id == message_id).scalar_subquery()
    conversation = await find_and_lock(session, select(Conversation).where(Conversation.id == of_message))
    message = await find_and_lock(session, select(Message).where(Message.id == message_id))
    if conversation is None or message is None:
        raise NotFound("message", message_id)
    _expect(conversation, expected_history_version)
    return message, conversation


async def lock_character(session: AsyncSession, character_id: str) -> Character:
    """Raises NotFound."""
    character = await find_and_lock(session, select(Character).where(Character.id == character_id))
    if character is None:
        raise NotFound("character", character_id)
    return character  # type: ignore[no-any-return]


async def find_and_lock(session: AsyncSession, query: Select[Any]) -> Any:
    """Returns the row that the query finds, as it is once the lock is held, or None."""
    # Not FOR UPDATE, which would wait for every insert of a row that refers to this one.
    locking = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return await session.scalar(locking)


def _expect(conversation: Conversation, history_version: int | None) -> None:
    if history_version not in (None, conversation.history_version):
        raise VersionConflict(conversation, "expected_history_version")


def locks_rows(session: AsyncSession) -> bool:
    """Returns whether others may write at the same time, and wait for the rows that this transaction locks."""
    return session.get_bind().dialect.name != "sqlite"


def count_change(conversation: Conversation) -> int:
    """Raises the history version of a locked conversation, and returns it; it is stored by the write's flush."""
    conversation.updated_at = now()
    conversation.history_version += 1
    return conversation.history_version


_MARK_CHARACTER = Prepared(
    update(Character).where(Character.id == bindparam("character")).values(active_at=bindparam("moment"))
)


async def mark_active(session: AsyncSession, conversation: Conversation) -> None:
    """Makes a locked conversation and its character the latest active ones. Comes last: it locks the character."""
    conversation.active_at = now()
    await _MARK_CHARACTER.change(session, character=conversation.character_id, moment=conversation.active_at)
