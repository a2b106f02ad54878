"""Characters: creating, changing, finding and deleting them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Generation, Origin, Run, new_key, now
from services import checking, runs
from services.broker import Broker
from services.errors import InvalidInput, NotFound, VersionConflict
from services.generations import generation_with
from services.idempotency import KeyedRequest
from services.locking import lock_character
from services.paging import Page, PageArguments, directed, searching
from services.usage import UsageService

Fields = Mapping[str, Any]


class CharacterOrder(StrEnum):
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    ACTIVE_DESC = "ACTIVE_DESC"
    ACTIVE_ASC = "ACTIVE_ASC"
    CREATED_DESC = "CREATED_DESC"
    CREATED_ASC = "CREATED_ASC"
    UPDATED_DESC = "UPDATED_DESC"
    UPDATED_ASC = "UPDATED_ASC"


_COLUMNS = {
    "NAME": Character.name_folded,
    "ACTIVE": Character.active_at,
    "CREATED": Character.created_at,
    "UPDATED": Character.updated_at,
}
ORDERS = directed(CharacterOrder, "characters", _COLUMNS, Character.id)

# Characters of all greetings together.
GREETINGS_LENGTH = 500_000

# Watched conversations looked up by one statement.
_TOPICS = 500

_TEXTS = (
    "description",
    "personality",
    "scenario",
    "system_prompt",
    "post_history_instructions",
    "example_dialogue",
)


class CharacterService:
    def __init__(self, database: Database, broker: Broker, usage: UsageService) -> None:
        self._database = database
        self._usage = usage
        self._broker = broker

    async def create(self, owner: str, fields: Fields, idempotency_key: str | None = None) -> Character:
        """Creates a character from `fields`: columns of the table; `generation` and `metadata` are mappings."""
        request = KeyedRequest("createCharacter", idempotency_key, fields)

        async def work(session: AsyncSession) -> Character:
            if known := await request.done_before(session):
                return await require_character(session, known["character_id"], path=())
            character = Character(id=new_key("char"), generation=Generation(), extra={})
            _apply(character, fields)
            session.add(character)
            request.remember(session, {"character_id": character.id})
            return character

        return await self._database.write(owner, work)

    async def update(
        self, owner: str, character_id: str, fields: Fields, expected_version: int | None = None
    ) -> Character:
        """Changes what is in `fields`; None clears a field, or a key of `generation` or `metadata`."""

        async def work(session: AsyncSession) -> Character:
            character = await lock_character(session, character_id)
            if expected_version not in (None, character.version):
                raise VersionConflict(character)
            _apply(character, fields)
            if session.is_modified(character):
                character.version += 1
                character.updated_at = now()
            return character

        return await self._database.write(owner, work)

    async def delete(self, owner: str, character_id: str) -> tuple[str, int]:
        """Deletes the character with all its conversations. Returns its id and how many conversations it had.

        From the commit on they are gone for every reader; services.housekeeping takes the rows apart in batches.
        """

        async def work(session: AsyncSession) -> tuple[str, int]:
            written = await _stop_replies(session, character_id, self._usage)
            character = await lock_character(session, character_id)
            # An import finds its origins by their keys, so these must not outlive the character.
            await session.execute(delete(Origin).where(Origin.character_id == character_id))
            for conversation_id in {*written, *await self._watched_conversations(session, character_id)}:
                self._broker.changed(session, conversation_id)
            self._broker.list_changed(session)
            character.deleting_at = now()
            return character.id, character.conversation_count

        return await self._database.write(owner, work)

    async def _watched_conversations(self, session: AsyncSession, character_id: str) -> list[str]:
        watched = self._broker.topics()
        found: list[str] = []
        for start in range(0, len(watched), _TOPICS):
            ids = select(Conversation.id).where(
                Conversation.character_id == character_id, Conversation.id.in_(watched[start : start + _TOPICS])
            )
            found += await session.scalars(ids)
        return found

    async def by_ids(self, owner: str, ids: Sequence[str]) -> list[Character | None]:
        async with self._database.read(owner) as session:
            found = await session.scalars(select(Character).where(Character.id.in_(ids)))
            by_id = {character.id: character for character in found}
        return [by_id.get(id) for id in ids]

    async def page(
        self, owner: str, order: CharacterOrder, search: str | None, page: PageArguments
    ) -> Page[Character]:
        query = select(Character).where(*_matching(search))
        async with self._database.read(owner) as session:
            return await ORDERS[order].of(order, search).page(session, query, page)

    async def count(self, owner: str, search: str | None = None) -> int:
        async with self._database.read(owner) as session:
            return await session.scalar(select(func.count(Character.id)).where(*_matching(search))) or 0


async def require_character(
    session: AsyncSession, character_id: str, path: Sequence[str] | None = None
) -> Character:
    """Raises NotFound; its path is empty where the caller named no id, but an idempotency key."""
    character = await session.get(Character, character_id)
    if character is None:
        raise NotFound("character", character_id, path)
    return character


async def _stop_replies(session: AsyncSession, character_id: str, usage: UsageService) -> list[str]:
    """Ends the runs of the character's conversations, so that writers let go. Returns these conversations."""
    open_runs = select(Run.conversation_id, Run.started).join(Conversation, Conversation.id == Run.conversation_id)
    open_runs = open_runs.where(Conversation.character_id == character_id, Run.ended.is_(None))
    keys = [runs.RunKey(*row) for row in await session.execute(open_runs.order_by(Run.conversation_id))]
    for key in keys:
        await runs.end(session, key, runs.STOPPED, usage)
    return [key.conversation_id for key in keys]


def _matching(search: str | None) -> list[ColumnElement[bool]]:
    return searching(Character.name_folded, search)


def _apply(character: Character, fields: Fields) -> None:
    """Checks and sets each field that is given; None clears it."""
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
    if "greeting" in fields or "alternate_greetings" in fields:
        _check_greetings(character)


def _optional(value: str | None, field: str) -> str | None:
    return checking.text(value, field) if value else None


def _merged(old: dict[str, Any], new: Any) -> dict[str, Any]:
    """Sets the keys that are given, and removes those given as null; null alone removes all."""
    if new is None:
        return {}
    changed = {**old, **checking.json_object(new, "metadata")}
    merged = {key: value for key, value in changed.items() if value is not None}
    checking.metadata_size(merged, "metadata")
    return merged


def _check_greetings(character: Character) -> None:
    """Every new conversation copies all greetings."""
    size = sum(map(len, (character.greeting or "", *(character.alternate_greetings or ()))))
    if size > GREETINGS_LENGTH:
        raise InvalidInput(
            f"Too long: the greetings have {size:,} characters together; the limit is {GREETINGS_LENGTH:,}.",
            "alternate_greetings",
        )
