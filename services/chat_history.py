"""The chat history as one JSON list, in the shape of the old program: `[{"role": …, "content": …, …}]`.

Roles are lower-case names. Keys that have no column are kept in the message's metadata, and so is a role that is
none of ours, under the key "role". What is given out is taken back unchanged.
"""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, Message, ReadTooLarge, Role, Status, TitleSource, new_key
from services import checking, tree
from services.broker import Broker
from services.characters import require_character
from services.conversations import require_conversation
from services.errors import InvalidInput
from services.idempotency import KeyedRequest
from services.locking import count_change, lock_conversation, mark_active
from services.messages import live_text
from services.opening import add_conversation, entitle
from services.runs import refuse_when_busy

Element = dict[str, Any]

_COLUMNS = (
    Message.conversation_id,
    Message.position,
    Message.id,
    Message.role,
    Message.content,
    Message.extra,
    Message.status,
)
_ROLES = {role.lower(): role for role in Role}
_NEEDED = 'The history must be a list of objects {"role": …, "content": …}.'


class ChatHistoryService:
    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker

    async def of_conversations(self, owner: str, conversation_ids: Sequence[str]) -> list[list[Element]]:
        """Returns the whole active path of each conversation.

        Raises ReadTooLarge when all texts together have more characters than the database lets one read have.
        """
        histories: dict[str, list[Element]] = {id: [] for id in conversation_ids}
        size, limit = 0, self._database.max_read
        async with self._database.snapshot(owner) as session:
            async for row, text in self._shown(session, conversation_ids):
                size += len(text)
                if size > limit:
                    raise ReadTooLarge(limit)
                histories[row.conversation_id].append(element(row.role, text, row.extra))
        return [histories[id] for id in conversation_ids]

    async def replace_history(
        self, owner: str, conversation_id: str, history: Any, expected_history_version: int | None = None
    ) -> Conversation:
        """Makes the active path equal to the history.

        The longest equal beginning keeps its messages; what is replaced stays as an inactive branch.
        """
        async with self._database.snapshot(owner) as session:
            conversation = await require_conversation(session, conversation_id)
            equal, kept = await self._equal_beginning(session, conversation, history)
        # A long history is compared before the lock is taken; the version tells whether that still holds.
        version = conversation.history_version
        added = checked(history, kept)

        async def work(session: AsyncSession) -> Conversation:
            locked = await lock_conversation(session, conversation_id, expected_history_version)
            await refuse_when_busy(session, locked)
            position, more = equal, added
            if locked.history_version != version:
                position, again = await self._equal_beginning(session, locked, history)
                more = checked(history, again)
            if more or position < locked.message_count:
                await self._append(session, locked, position, more)
            return locked

        return await self._database.write(owner, work)

    async def import_history(
        self,
        owner: str,
        character_id: str,
        history: Any,
        title: str | None = None,
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Opens a conversation that begins with the history."""
        request = KeyedRequest("importConversation", idempotency_key, history, title)
        rows = [columns(item) for item in checked(history)]

        async def work(session: AsyncSession) -> Conversation:
            character = await require_character(session, character_id)
            if known := await request.done_before(session, character.id):
                return await require_conversation(session, known["conversation_id"], path=())
            conversation = await add_conversation(session, character)
            if title is not None:
                entitle(conversation, title, TitleSource.IMPORTED)
            await tree.append_all(session, conversation, None, _identified(rows))
            request.remember(session, {"conversation_id": conversation.id}, character.id)
            self._broker.list_changed(session)
            return conversation

        return await self._database.write(owner, work)

    async def _append(
        self, session: AsyncSession, conversation: Conversation, position: int, more: list[Element]
    ) -> None:
        last = await tree.active_at(session, conversation.id, position - 1)
        await tree.append_all(session, conversation, last, _identified([columns(item) for item in more]))
        count_change(conversation)
        await mark_active(session, conversation)
        self._broker.changed(session, conversation.id)

    async def _equal_beginning(
        self, session: AsyncSession, conversation: Conversation, history: Any
    ) -> tuple[int, int]:
        """Returns how many messages of the path, and how many elements of the history, are equal.

        Messages that are not shown belong to the equal beginning too, unless something else follows them.
        """
        said = history if isinstance(history, list) else []
        equal = position = 0
        async for row, text in self._shown(session, [conversation.id]):
            if equal == len(said) or not _same(row, text, said[equal]):
                return position, equal
            equal, position = equal + 1, row.position + 1
        return (conversation.message_count if equal == len(said) else position), equal

    async def _shown(
        self, session: AsyncSession, conversation_ids: Sequence[str]
    ) -> AsyncIterator[tuple[Row[Any], str]]:
        """Yields the messages of the active paths that are shown, each with its present text, read in pages."""
        async for row in tree.path_rows(session, conversation_ids, _COLUMNS):
            text = live_text(self._broker, row.conversation_id, row)
            if is_shown(text, row.status):
                yield row, text


def element(role: Role, content: str, extra: dict[str, Any] | None) -> Element:
    """Returns a message as an element of the history."""
    return {"role": role.lower(), "content": content, **(extra or {})}


def is_shown(content: str, status: Status) -> bool:
    """Returns whether the message is part of the history: all but replies that never got any text."""
    return bool(content) or status is Status.COMPLETED


def role_of(named: Any) -> tuple[Role, bool]:
    """Returns the role of an element, and whether it is exactly one of ours."""
    if isinstance(named, str) and named in _ROLES:
        return _ROLES[named], True
    return (_ROLES.get(named.strip().lower(), Role.ASSISTANT) if isinstance(named, str) else Role.ASSISTANT), False


def columns(item: Element) -> dict[str, Any]:
    """Returns the columns of a message for an element."""
    role, is_ours = role_of(item["role"])
    extra = {key: value for key, value in item.items() if key != "content" and not (key == "role" and is_ours)}
    return {
        "role": role,
        "content": item["content"],
        "hidden": item.get("is_hidden") is True,
        "extra": extra or None,
    }


def checked(history: Any, kept: int = 0) -> list[Element]:
    """Returns the elements after the first `kept`, which are known to be valid.

    Raises InvalidInput with the path of the invalid element.
    """
    if not isinstance(history, list):
        raise InvalidInput(_NEEDED, "chat_history")
    for index, item in enumerate(history[kept:], kept):
        _check_element(item, "chat_history", index)
    return history[kept:]


def _identified(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows with new ids and without a time: nobody knows when the messages were sent."""
    return [{**row, "id": new_key("msg"), "created_at": None} for row in rows]


def _same(row: Row[Any], text: str, item: Any) -> bool:
    """Compares as JSON, where 1 is neither 1.0 nor true, and the order of keys counts."""
    if not isinstance(item, dict) or item.get("content") != text:
        return False
    ours = element(row.role, text, row.extra)
    if item.get("role") != ours["role"]:
        return False
    plain = len(item) == len(ours) == 2 and isinstance(item["role"], str)
    return plain or json.dumps(ours) == json.dumps(_ordered(item))


def _ordered(item: Element) -> Element:
    """Returns the element with its role and content first, as the history gives it out."""
    return {**{key: item[key] for key in ("role", "content") if key in item}, **item}


def _check_element(item: Any, *path: str | int) -> None:
    if not isinstance(item, dict):
        raise InvalidInput(_NEEDED, *path)
    if "role" not in item:
        raise InvalidInput(
            'The role is missing: it is "user", "assistant", "system" or another text.', *path, "role"
        )
    if not isinstance(item.get("content"), str):
        raise InvalidInput("The content must be a text.", *path, "content")
    # No limit but the request's: an imported message may be of any length, and must be taken back.
    checking.text(item["content"], *path, "content", limit=len(item["content"]))
    checking.json_value(item, *path)
