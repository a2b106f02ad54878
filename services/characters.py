"""Keeping characters: making, changing, finding and deleting them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Generation, new_key, now
from services import checking, requests
from services.broker import Broker
from services.errors import NotFound, VersionConflict
from services.generations import generation_with
from services.paging import Key, Order, Page, PageWish, searching
from services.writer import ReplyWriter

Fields = Mapping[str, Any]


class CharacterOrder(StrEnum):
    NAME_ASC = "NAME_ASC"
    ACTIVE_DESC = "ACTIVE_DESC"
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"


_ORDERS = {
    CharacterOrder.NAME_ASC: (Key(Character.name_folded), Key(Character.id)),
    CharacterOrder.ACTIVE_DESC: (Key(Character.active_at, True), Key(Character.id, True)),
    CharacterOrder.CREATED_DESC: (Key(Character.created_at, True), Key(Character.id, True)),
    CharacterOrder.UPDATED_DESC: (Key(Character.updated_at, True), Key(Character.id, True)),
}

_TEXTS = (
    "description",
    "personality",
    "scenario",
    "system_prompt",
    "post_history_instructions",
    "example_dialogue",
)


class CharacterService:
    def __init__(self, database: Database, broker: Broker, writer: ReplyWriter) -> None:
        self._database = database
        self._broker = broker
        self._writer = writer

    async def create(self, owner: str, fields: Fields, idempotency_key: str | None = None) -> Character:
        """Make a character of `fields`: columns of models.Character, `generation` and `metadata` as mappings."""
        request = requests.Once(owner, idempotency_key, "createCharacter", fields)
        async with self._database.write() as session:
            if known := await request.done_before(session):
                return await get(session, owner, known["character_id"])
            character = Character(id=new_key("char"), owner=owner, generation=Generation(), extra={})
            _apply(character, fields)
            session.add(character)
            await session.flush()
            request.remember(session, {"character_id": character.id})
        return character

    async def update(
        self, owner: str, character_id: str, fields: Fields, expected_version: int | None = None
    ) -> Character:
        """Change what is in `fields`; None clears a field, or a key of `generation` or `metadata`."""
        async with self._database.write() as session:
            character = await get(session, owner, character_id)
            if expected_version not in (None, character.version):
                raise VersionConflict(character)
            _apply(character, fields)
            if session.is_modified(character):
                character.version += 1
                character.updated_at = now()
        return character

    async def delete(self, owner: str, character_id: str) -> str:
        """Delete the character with all its conversations. Return its id."""
        async with self._database.write() as session:
            character = await get(session, owner, character_id)
            of_character = select(Conversation).where(Conversation.character_id == character.id)
            gone = list(await session.scalars(of_character))
            await session.execute(delete(Character).where(Character.id == character.id))
        for conversation in gone:
            self._writer.release(conversation.id, conversation.history_version)
            self._broker.announce(conversation.id)
        return character_id

    async def by_ids(self, ids: Sequence[str]) -> list[Character | None]:
        async with self._database.read() as session:
            found = await session.scalars(select(Character).where(Character.id.in_(ids)))
            by_id = {character.id: character for character in found}
        return [by_id.get(id) for id in ids]

    async def page(self, owner: str, order: CharacterOrder, search: str | None, page: PageWish) -> Page[Character]:
        query = select(Character).where(_found(owner, search))
        async with self._database.read() as session:
            return await Order("characters", _ORDERS[order]).of(order, search).page(session, query, page)

    async def count(self, owner: str, search: str | None = None) -> int:
        async with self._database.read() as session:
            return await session.scalar(select(func.count()).where(_found(owner, search))) or 0


async def get(session: AsyncSession, owner: str, character_id: str) -> Character:
    """Return the owner's character. Raises NotFound."""
    character = await session.get(Character, character_id)
    if character is None or character.owner != owner:
        raise NotFound("character", character_id)
    return character


def _found(owner: str, search: str | None) -> ColumnElement[bool]:
    return and_(Character.owner == owner, *searching(Character.name_folded, search))


def _apply(character: Character, fields: Fields) -> None:
    """Check each field that is there, and set it; None clears."""
    if "name" in fields or not character.name:
        character.name = checking.name(fields.get("name") or "", "name")
        character.name_folded = checking.fold(character.name)
    for field in _TEXTS:
        if field in fields:
            setattr(character, field, checking.text(fields[field] or "", field))
    for field in ("greeting", "avatar_url"):
        if field in fields:
            setattr(character, field, _optional(fields[field], field))
    for field in ("alternate_greetings", "tags"):
        if field in fields:
            setattr(character, field, checking.texts(fields[field] or [], field))
    if "generation" in fields:
        character.generation = generation_with(character.generation, fields["generation"])
    if "metadata" in fields:
        character.extra = _merged(character.extra, fields["metadata"])


def _optional(value: str | None, field: str) -> str | None:
    return checking.text(value, field) if value else None


def _merged(old: dict[str, Any], new: Any) -> dict[str, Any]:
    """Change the keys that are given, and take out those given as null; null alone takes out all."""
    if new is None:
        return {}
    merged = {**old, **checking.json_object(new, "metadata")}
    return {key: value for key, value in merged.items() if value is not None}
