"""Stores what an import found; importing the same thing twice adds nothing.

Each thing has a key: a digest of its form, row id, name and content, never of the path of its file. Keys are kept
in the database, so their making must not change.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import case, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Character,
    Conversation,
    Generation,
    Message,
    Origin,
    OriginKind,
    Status,
    TitleSource,
    new_key,
    now,
)
from services import checking
from services.importing.values import FoundCharacter, FoundHistory, MessageRow
from services.search import texts

# Messages stored by one statement.
BATCH = 1000

# Is called with how many messages of a history are stored.
Listener = Callable[[int], None]


class Store(Protocol):
    async def find(self, key: str) -> str | None:
        """Returns the id of the conversation or character that was stored with the key."""
        ...

    async def find_named(self, name: str) -> str | None:
        """Returns the id of the first character that was imported by the name."""
        ...

    async def add_character(self, character: Character, origin: Origin) -> None: ...

    async def add_conversation(
        self, conversation: Conversation, origin: Origin, rows: list[MessageRow], stored: Listener
    ) -> None: ...


@dataclass(frozen=True)
class StoredCharacter:
    """A character in the store, under the name by which it was found."""

    id: str
    name: str
    is_new: bool


async def store_character(store: Store, found: FoundCharacter) -> StoredCharacter:
    """Stores a character, or returns the one that was imported before, which stays as it is."""
    key = _digest(found.identity).hexdigest()
    known = await store.find(key)
    if known is None and found.only_named:
        known = await store.find_named(found.name)
    if known is not None:
        return StoredCharacter(known, found.name, False)
    created = found.created_at or now()
    character = Character(
        id=new_key("char"),
        name_folded=checking.fold(found.name),
        created_at=created,
        active_at=created,
        **found.columns,
    )
    await store.add_character(character, _origin(key, OriginKind.CHARACTER, found, found.name, character.id))
    return StoredCharacter(character.id, found.name, True)


async def store_history(store: Store, found: FoundHistory, character: StoredCharacter, stored: Listener) -> bool:
    """Stores a history as a conversation; returns False if it was imported before."""
    rows = found.rows or []
    key = _history_key(found, rows, character.name)
    if await store.find(key) is not None:
        return False
    created = found.created_at or now()
    conversation = Conversation(
        id=new_key("conv"),
        character_id=character.id,
        title=found.title,
        title_folded=checking.fold(found.title),
        title_source=TitleSource.IMPORTED,
        generation=Generation(),
        message_count=len(rows),
        created_at=created,
        active_at=found.active_at or created,
    )
    origin = _origin(key, found.kind, found, character.name, character.id)
    origin.conversation_id = conversation.id
    await store.add_conversation(conversation, origin, rows, stored)
    return True


class DatabaseStore:
    """Stores in a session's transaction. Conversations are gathered; `finish` must be called at the end."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._moment = now()
        self._conversations: list[Conversation] = []
        self._origins: dict[str, Origin] = {}
        self._messages: list[dict[str, Any]] = []
        # By character: how many conversations were added, and when the last of them was active.
        self._added: dict[str, tuple[int, datetime]] = {}

    async def find(self, key: str) -> str | None:
        if key in self._origins:
            return self._origins[key].conversation_id
        ids = select(Origin.conversation_id, Origin.character_id).where(Origin.key == key)
        found = (await self._session.execute(ids)).one_or_none()
        return found and (found.conversation_id or found.character_id)

    async def find_named(self, name: str) -> str | None:
        ids = select(Origin.character_id).where(Origin.kind == OriginKind.CHARACTER, Origin.name == name)
        return await self._session.scalar(ids.order_by(Origin.character_id).limit(1))

    async def add_character(self, character: Character, origin: Origin) -> None:
        for row in (character, origin):
            self._session.add(row)
            await self._session.flush()

    async def add_conversation(
        self, conversation: Conversation, origin: Origin, rows: list[MessageRow], stored: Listener
    ) -> None:
        self._conversations.append(conversation)
        self._origins[origin.key] = origin
        count, latest = self._added.get(conversation.character_id, (0, conversation.active_at))
        self._added[conversation.character_id] = count + 1, max(latest, conversation.active_at)
        parent_id = None
        for position, row in enumerate(rows):
            message = self._message(row, conversation.id, parent_id, position)
            parent_id = message["id"]
            self._messages.append(message)
            if len(self._messages) >= BATCH:
                await self._flush()
                stored(position + 1)

    async def finish(self) -> None:
        """Stores what was gathered, and counts the new conversations in their characters."""
        await self._flush()
        for character_id, (count, latest) in self._added.items():
            change = update(Character).where(Character.id == character_id)
            change = change.values(
                conversation_count=Character.conversation_count + count,
                active_at=case((Character.active_at < latest, latest), else_=Character.active_at),
            )
            await self._session.execute(change, execution_options={"synchronize_session": False})

    async def _flush(self) -> None:
        for rows in (self._conversations, self._origins.values()):
            self._session.add_all(rows)
            await self._session.flush()
        if self._messages:
            # NULLs are written out, so that a message without a time does not get the default: the current time.
            await self._session.execute(insert(Message), self._messages, execution_options={"render_nulls": True})
            await texts.keep_rows(self._session, self._messages)
        self._session.expunge_all()
        self._conversations, self._origins, self._messages = [], {}, []

    def _message(
        self, row: MessageRow, conversation_id: str, parent_id: str | None, position: int
    ) -> dict[str, Any]:
        """Returns the columns of a message on the active path of a conversation that has no other."""
        return {
            "id": new_key("msg"),
            "conversation_id": conversation_id,
            "parent_id": parent_id,
            "position": position,
            "active": True,
            "selected": True,
            "hidden": row["hidden"],
            "role": row["role"],
            "content": row["content"],
            "status": Status.COMPLETED,
            "model": row.get("model"),
            "extra": row["extra"],
            "edited_version": 0,
            "created_at": row.get("created_at"),
            "updated_at": self._moment,
        }


class RehearsalStore:
    """Keeps only keys, in memory, and looks into what was imported before, if there is any."""

    def __init__(self, before: Store | None) -> None:
        self._before = before
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}

    async def find(self, key: str) -> str | None:
        if (here := self._ids.get(key)) or self._before is None:
            return here
        return await self._before.find(key)

    async def find_named(self, name: str) -> str | None:
        before = await self._before.find_named(name) if self._before else None
        return before or self._names.get(name)

    async def add_character(self, character: Character, origin: Origin) -> None:
        self._ids[origin.key] = character.id
        self._names.setdefault(origin.name, character.id)

    async def add_conversation(
        self, conversation: Conversation, origin: Origin, rows: list[MessageRow], stored: Listener
    ) -> None:
        self._ids[origin.key] = conversation.id


def _origin(
    key: str, kind: OriginKind, found: FoundCharacter | FoundHistory, name: str, character_id: str
) -> Origin:
    return Origin(
        key=key, kind=kind, form=found.form, document=found.document, name=name, character_id=character_id
    )


def _history_key(found: FoundHistory, rows: list[MessageRow], name: str) -> str:
    digest = _digest([found.kind, found.form, found.row_id, name])
    for row in rows:
        digest.update(_packed([row["role"], row["content"], row["extra"]]))
    return digest.hexdigest()


def _digest(value: Any) -> "hashlib._Hash":
    return hashlib.sha256(_packed(value))


def _packed(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()
