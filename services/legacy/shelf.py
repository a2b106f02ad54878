"""Keeping what was found, once: each thing has a key of its form, row id, name and content, never of its path."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models import Character, Conversation, Generation, Origin, OriginKind, TitleSource, new_key, now
from services import checking
from services.legacy import characters, repairs, times
from services.legacy.findings import FoundCharacter, FoundHistory
from services.legacy.stores import Store
from services.legacy.tallies import Tally


@dataclass(frozen=True)
class Place:
    """A character on the shelf, by the name it was found by."""

    id: str
    name: str
    is_new: bool


class Shelf:
    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def character(self, found: FoundCharacter, tally: Tally) -> Place:
        """Return where the character stands; one that was imported before stays as it is."""
        repaired = Tally()
        columns = characters.columns(found.document, repaired)
        name = columns["name"]
        key = _character_key(columns)
        known = await self._store.find(self._owner, key)
        if known is None and found.only_named:
            known = await self._store.named(self._owner, name)
        if known is not None:
            return Place(known, name, False)
        character = self._character(found, columns)
        origin = self._origin(key, OriginKind.CHARACTER, found.form, found.document, name, character.id)
        await self._store.add_character(character, origin)
        tally.add(repaired)
        return Place(character.id, name, True)

    async def history(
        self, found: FoundHistory, place: Place, tally: Tally, stored: Callable[[int], None]
    ) -> bool:
        """Keep a history as a conversation; tell whether it was not there yet. `stored` hears how far it is."""
        rows = found.rows or []
        key = _history_key(found, place.name)
        if await self._store.find(self._owner, key) is not None:
            return False
        conversation = self._conversation(found, place, tally)
        origin = self._origin(key, found.kind, found.form, found.document, place.name, place.id)
        origin.conversation_id = conversation.id
        await self._store.add_conversation(conversation, origin, rows, stored)
        return True

    def _character(self, found: FoundCharacter, columns: dict[str, Any]) -> Character:
        created = found.created_at or now()
        return Character(
            id=new_key("char"),
            owner=self._owner,
            name_folded=checking.fold(columns["name"]),
            generation=Generation(),
            created_at=created,
            active_at=created,
            **columns,
        )

    def _conversation(self, found: FoundHistory, place: Place, tally: Tally) -> Conversation:
        title = title_of(found.title, tally)
        created = found.created_at or now()
        return Conversation(
            id=new_key("conv"),
            owner=self._owner,
            character_id=place.id,
            title=title,
            title_folded=checking.fold(title),
            title_source=TitleSource.IMPORTED,
            generation=Generation(),
            history_version=1,
            message_count=0,
            created_at=created,
            active_at=found.active_at or created,
        )

    def _origin(
        self, key: str, kind: OriginKind, form: str, document: characters.Document, name: str, character_id: str
    ) -> Origin:
        return Origin(
            owner=self._owner,
            key=key,
            kind=kind,
            form=form,
            document=document,
            name=name,
            character_id=character_id,
        )


def title_of(found: Any, tally: Tally) -> str:
    """Return the title of a conversation that was found with this one."""
    return repairs.name(found, tally, times.UNTITLED) if found else times.UNTITLED


def _character_key(columns: dict[str, Any]) -> str:
    # The blocks that were cut from the prompt grew by themselves; they make no other character.
    extra = {key: value for key, value in columns["extra"].items() if key != "prompt"}
    parts = (
        "character",
        columns["name"],
        columns["description"],
        columns["personality"],
        columns["system_prompt"],
    )
    return hashlib.sha256(_packed([*parts, dict(sorted(extra.items()))])).hexdigest()


def _history_key(found: FoundHistory, name: str) -> str:
    digest = hashlib.sha256(_packed([found.kind, found.form, found.row_id, name]))
    for row in found.rows or ():
        digest.update(_packed([row["role"], row["content"], row["extra"]]))
    return digest.hexdigest()


def _packed(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()
