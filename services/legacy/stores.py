"""Where the shelf stands: in the database, or, for a dry run, nowhere."""

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Message, Origin, OriginKind, new_key, now
from services import tree
from services.legacy.histories import Row

# Messages stored by one statement.
BATCH = 1000

Listener = Callable[[int], None]


class Store(Protocol):
    async def find(self, owner: str, key: str) -> str | None:
        """Return the id of what is known by the key."""
        ...

    async def named(self, owner: str, name: str) -> str | None:
        """Return the id of the first character that was imported by the name."""
        ...

    async def add_character(self, character: Character, origin: Origin) -> None: ...

    async def add_conversation(
        self, conversation: Conversation, origin: Origin, rows: list[Row], stored: Listener
    ) -> None: ...


class DatabaseStore:
    """Keeps things in a session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, owner: str, key: str) -> str | None:
        origin = await self._session.get(Origin, (owner, key))
        return None if origin is None else origin.conversation_id or origin.character_id

    async def named(self, owner: str, name: str) -> str | None:
        by_name = select(Origin.character_id).where(
            Origin.owner == owner, Origin.kind == OriginKind.CHARACTER, Origin.name == name
        )
        return await self._session.scalar(by_name.order_by(Origin.character_id).limit(1))

    async def add_character(self, character: Character, origin: Origin) -> None:
        self._session.add(character)
        await self._session.flush()
        self._session.add(origin)

    async def add_conversation(
        self, conversation: Conversation, origin: Origin, rows: list[Row], stored: Listener
    ) -> None:
        self._session.add(conversation)
        await self._session.flush()
        self._session.add(origin)
        moment, parent = now(), None
        for start in range(0, len(rows), BATCH):
            batch = [
                {"id": new_key("msg"), "model": None, "created_at": None, "updated_at": moment, **row}
                for row in rows[start : start + BATCH]
            ]
            await tree.append_all(self._session, conversation, parent, batch)
            parent = Message(id=batch[-1]["id"], position=conversation.message_count - 1)
            stored(start + len(batch))
        spoken = Character.id == conversation.character_id, Character.active_at < conversation.active_at
        await self._session.execute(update(Character).where(*spoken).values(active_at=conversation.active_at))


class RehearsedStore:
    """Keeps only the keys, in memory; looks into what was imported before, if there is any."""

    def __init__(self, before: Store | None) -> None:
        self._before = before
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}

    async def find(self, owner: str, key: str) -> str | None:
        if (here := self._ids.get(key)) or self._before is None:
            return here
        return await self._before.find(owner, key)

    async def named(self, owner: str, name: str) -> str | None:
        there = await self._before.named(owner, name) if self._before else None
        return there or self._names.get(name)

    async def add_character(self, character: Character, origin: Origin) -> None:
        self._ids[origin.key] = self._names[origin.name] = character.id

    async def add_conversation(
        self, conversation: Conversation, origin: Origin, rows: list[Row], stored: Listener
    ) -> None:
        self._ids[origin.key] = conversation.id
