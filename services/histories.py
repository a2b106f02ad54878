"""What happens to a conversation's messages apart from speaking: clear, replace, select, edit, delete, fork."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    UNFINISHED,
    Character,
    Conversation,
    Database,
    Message,
    Request,
    Status,
    TitleSource,
    new_key,
    now,
)
from services import characters, chat_history, checking, conversations, requests, runs, tree
from services.broker import Broker
from services.errors import NotFound, VersionConflict
from services.exchanges import refuse_when_busy
from services.messages import as_now
from services.replies import found
from services.settings import Settings
from services.writer import ReplyWriter


class HistoryService:
    def __init__(self, database: Database, broker: Broker, writer: ReplyWriter, settings: Settings) -> None:
        self._database = database
        self._broker = broker
        self._writer = writer
        self._settings = settings

    async def chat_histories(self, conversation_ids: Sequence[str]) -> list[list[chat_history.Element]]:
        """Return each conversation's active path in the old shape, the whole of it."""
        histories: dict[str, list[chat_history.Element]] = {id: [] for id in conversation_ids}
        path = select(Message).where(Message.conversation_id.in_(conversation_ids), Message.active)
        async with self._database.read() as session:
            for message in await session.scalars(path.order_by(Message.conversation_id, Message.position)):
                if chat_history.is_shown(as_now(self._broker, message)):
                    histories[message.conversation_id].append(chat_history.element(message))
        return [histories[id] for id in conversation_ids]

    async def clear(
        self,
        owner: str,
        conversation_id: str,
        include_greeting: bool = True,
        expected_history_version: int | None = None,
    ) -> tuple[Conversation, int]:
        """Delete every message, alternatives too; then the greeting speaks again. Return how many there were."""
        async with self._database.write() as session:
            conversation = await _get(session, owner, conversation_id, expected_history_version)
            character = await session.get_one(Character, conversation.character_id)
            count = await session.scalar(_count(conversation.id)) or 0
            await session.execute(delete(Message).where(Message.conversation_id == conversation.id))
            await session.execute(delete(Request).where(Request.scope == conversation.id))
            conversation.message_count = 0
            version = runs.touch(conversation)
            if include_greeting:
                await conversations.greet(session, conversation, character, self._settings.user_name)
        self._changed(conversation, version)
        return conversation, count

    async def replace(
        self, owner: str, conversation_id: str, history: Any, expected_history_version: int | None = None
    ) -> Conversation:
        """Make the active path say what the history says.

        The longest equal beginning keeps its messages; what is replaced stays as an inactive branch.
        """
        async with self._database.write() as session:
            conversation = await _get(session, owner, conversation_id, expected_history_version)
            await refuse_when_busy(session, conversation)
            path = await _path(session, conversation.id)
            rows, same = chat_history.equal_beginning(path, history)
            checked = chat_history.check(history, self._settings.max_message_length, same)
            if rows == len(path) and same == len(checked):
                return conversation
            await _go_on(session, conversation, path[rows - 1] if rows else None, checked[same:])
            runs.touch(conversation, await session.get_one(Character, conversation.character_id))
        self._changed(conversation)
        return conversation

    async def select(self, owner: str, message_id: str) -> tuple[Message, Conversation]:
        """Lead the active path through the message; below it, it comes back as it was left."""
        async with self._database.write() as session:
            message, conversation = await _message(session, owner, message_id)
            await refuse_when_busy(session, conversation)
            if not message.active:
                await tree.activate(session, conversation, message)
                await session.refresh(message)
                runs.touch(conversation)
        self._changed(conversation)
        return message, conversation

    async def edit(
        self, owner: str, message_id: str, content: str, expected_history_version: int | None = None
    ) -> tuple[Message, Conversation]:
        """Change the text in place; what is below stays."""
        checking.text(content, "content", limit=self._settings.max_message_length)
        async with self._database.write() as session:
            message, conversation = await _message(session, owner, message_id, expected_history_version)
            if message.status in UNFINISHED:
                await refuse_when_busy(session, conversation)
            if message.content != content:
                message.content = content
                message.edited_at = message.updated_at = now()
                message.edited_version = runs.touch(conversation)
        self._changed(conversation)
        return message, conversation

    async def delete(
        self, owner: str, message_id: str, expected_history_version: int | None = None
    ) -> tuple[list[str], Conversation]:
        """Delete the message with everything below it, a running reply too. Return the ids of what is gone."""
        async with self._database.write() as session:
            message, conversation = await _message(session, owner, message_id, expected_history_version)
            was_active = message.active
            gone = await tree.remove(session, conversation, message)
            version = runs.touch(conversation)
        # What is being written is at the end of the active path.
        self._changed(conversation, version if was_active else 0)
        return gone, conversation

    async def fork(
        self,
        owner: str,
        conversation_id: str,
        up_to_message_id: str | None = None,
        title: str | None = None,
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Copy the active path, or the line to the message, into a conversation of its own."""
        once = requests.Once(conversation_id, idempotency_key, "forkConversation", up_to_message_id, title)
        async with self._database.write() as session:
            source = await conversations.get(session, owner, conversation_id)
            if known := await once.done_before(session):
                return await conversations.get(session, owner, known["conversation_id"])
            line = await _line(session, source, up_to_message_id)
            fork = await self._forked(session, source, line, title)
            once.remember(session, {"conversation_id": fork.id})
        return fork

    async def start_from(
        self,
        owner: str,
        character_id: str,
        history: Any,
        title: str | None = None,
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Open a conversation that begins with a history in the old shape."""
        once = requests.Once(character_id, idempotency_key, "importConversation", history, title)
        checked = chat_history.check(history, self._settings.max_message_length)
        async with self._database.write() as session:
            if known := await once.done_before(session):
                return await conversations.get(session, owner, known["conversation_id"])
            character = await characters.get(session, owner, character_id)
            conversation = conversations.new_conversation(character)
            _entitle(conversation, title, TitleSource.IMPORTED)
            session.add(conversation)
            await session.flush()
            await _go_on(session, conversation, None, checked)
            once.remember(session, {"conversation_id": conversation.id})
        return conversation

    async def _forked(
        self, session: AsyncSession, source: Conversation, line: list[Message], title: str | None
    ) -> Conversation:
        fork = conversations.new_conversation(await session.get_one(Character, source.character_id))
        fork.title, fork.title_folded, fork.title_source = source.title, source.title_folded, source.title_source
        fork.topic, fork.context, fork.generation = source.topic, source.context, source.generation
        fork.forked_from_id = line[-1].id if line else None
        _entitle(fork, title, TitleSource.USER)
        session.add(fork)
        await session.flush()
        await tree.append_all(session, fork, None, [_copy(as_now(self._broker, row)) for row in line])
        return fork

    def _changed(self, conversation: Conversation, deleted_until: int = 0) -> None:
        self._writer.release(conversation.id, deleted_until)
        self._broker.announce(conversation.id)


async def _get(session: AsyncSession, owner: str, conversation_id: str, expected: int | None) -> Conversation:
    conversation = await conversations.get(session, owner, conversation_id)
    if expected not in (None, conversation.history_version):
        raise VersionConflict(conversation, "expected_history_version")
    return conversation


async def _message(
    session: AsyncSession, owner: str, message_id: str, expected: int | None = None
) -> tuple[Message, Conversation]:
    message = await found(session, message_id)
    return message, await _get(session, owner, message.conversation_id, expected)


async def _path(session: AsyncSession, conversation_id: str) -> list[Message]:
    path = select(Message).where(Message.conversation_id == conversation_id, Message.active)
    return list(await session.scalars(path.order_by(Message.position)))


async def _line(session: AsyncSession, conversation: Conversation, message_id: str | None) -> list[Message]:
    """Return the messages from the root to the one named, or to the end of the active path."""
    if message_id is None:
        return await _path(session, conversation.id)
    message = await session.get(Message, message_id)
    if message is None or message.conversation_id != conversation.id:
        raise NotFound("message of this conversation", message_id, "up_to_message_id")
    return await tree.line_to(session, message)


async def _go_on(
    session: AsyncSession, conversation: Conversation, last: Message | None, history: list[chat_history.Element]
) -> None:
    """Let the active path go on from the last message with the history; nobody knows when it was said."""
    rows = [{**chat_history.columns(item), "id": new_key("msg"), "created_at": None} for item in history]
    await tree.append_all(session, conversation, last, rows)


def _copy(message: Message) -> dict[str, Any]:
    """Return the message's columns for a fork, where a reply being written ends as it stands."""
    running = message.status in UNFINISHED
    return {
        "id": new_key("msg"),
        "role": message.role,
        "speaker_id": message.speaker_id,
        "content": message.content,
        "hidden": message.hidden,
        "status": Status.INTERRUPTED if running else message.status,
        "finish_reason": message.finish_reason,
        "failure": runs.INTERRUPTED.failure if running else message.failure,
        "model": message.model,
        "usage": message.usage,
        "extra": message.extra,
        "edited_at": message.edited_at,
        "created_at": message.created_at,
    }


def _entitle(conversation: Conversation, title: str | None, source: TitleSource) -> None:
    if title is not None:
        conversation.title = checking.name(title, "title")
        conversation.title_folded = checking.fold(conversation.title)
        conversation.title_source = source


def _count(conversation_id: str) -> Any:
    return select(func.count()).where(Message.conversation_id == conversation_id)
