"""Where the shelf stands: in the database, or, for a dry run, nowhere."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Message, Origin, OriginKind, Status, new_key, now
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
    """Keeps things in a session's transaction; conversations are gathered until `flush`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._moment = now()
        self._conversations: list[Conversation] = []
        self._origins: dict[str, Origin] = {}
        self._messages: list[dict[str, Any]] = []

    async def find(self, owner: str, key: str) -> str | None:
        if key in self._origins:
            return self._origins[key].conversation_id
        ids = select(Origin.conversation_id, Origin.character_id).where(Origin.owner == owner, Origin.key == key)
        found = (await self._session.execute(ids)).one_or_none()
        return found and (found.conversation_id or found.character_id)

    async def named(self, owner: str, name: str) -> str | None:
        by_name = select(Origin.character_id).where(
            Origin.owner == owner, Origin.kind == OriginKind.CHARACTER, Origin.name == name
        )
        return await self._session.scalar(by_name.order_by(Origin.character_id).limit(1))

    async def add_character(self, character: Character, origin: Origin) -> None:
        self._session.add(character)
        await self._session.flush()
        self._session.add(origin)
        await self._session.flush()

    async def add_conversation(
        self, conversation: Conversation, origin: Origin, rows: list[Row], stored: Listener
    ) -> None:
        conversation.message_count = len(rows)
        self._conversations.append(conversation)
        self._origins[origin.key] = origin
        above = None
        for position, row in enumerate(rows):
            placed = self._placed(row, conversation.id, above, position)
            above = placed["id"]
            self._messages.append(placed)
            if len(self._messages) >= BATCH:
                await self.flush()
                stored(position + 1)

    async def flush(self) -> None:
        """Store what was gathered."""
        self._session.add_all(self._conversations)
        await self._session.flush()
        self._session.add_all(self._origins.values())
        await self._session.flush()
        if self._messages:
            await self._session.execute(insert(Message.__table__), self._messages)  # type: ignore[arg-type]
        await self._spoken()
        self._session.expunge_all()
        self._conversations, self._origins, self._messages = [], {}, []

    async def _spoken(self) -> None:
        """Let the characters be as active as their conversations."""
        latest: dict[str, datetime] = {}
        for each in self._conversations:
            latest[each.character_id] = max(each.active_at, latest.get(each.character_id, each.active_at))
        later = update(Character.__table__).where(  # type: ignore[arg-type]
            Character.id == bindparam("spoke", type_=Character.id.type),
            Character.active_at < bindparam("at", type_=Character.active_at.type),
        )
        if latest:
            rows = [{"spoke": id, "at": moment} for id, moment in latest.items()]
            await self._session.execute(later.values(active_at=bindparam("at")), rows)

    def _placed(self, row: Row, conversation_id: str, above: str | None, position: int) -> dict[str, Any]:
        """Return the columns of a message on the active path of a conversation that has no other."""
        return {
            "id": new_key("msg"),
            "conversation_id": conversation_id,
            "parent_id": above,
            "position": position,
            "active": True,
            "selected": True,
            "hidden": row["hidden"],
            "role": row["role"],
            "content": row["content"],
            "status": Status.COMPLETED,
            "model": row.get("model"),
            "metadata": row["extra"],
            "edited_version": 0,
            "created_at": row.get("created_at"),
            "updated_at": self._moment,
        }


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
        self._ids[origin.key] = character.id
        self._names.setdefault(origin.name, character.id)

    async def add_conversation(
        self, conversation: Conversation, origin: Origin, rows: list[Row], stored: Listener
    ) -> None:
        self._ids[origin.key] = conversation.id
