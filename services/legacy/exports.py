"""Export in the old program's format: JSON equal to what was imported, except for what was changed since.

A character is exported with its own history, each other conversation as the export of one. Only the active path is
exported: the old format knows no alternatives.
"""

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models import Character, Conversation, Database, Message, Origin, OriginKind, Owner
from services import chat_history
from services.errors import NotFound
from services.importing.sources import Exported, Unwritable
from services.importing.values import Document, Tally
from services.legacy import characters, documents, repairs
from services.legacy.forms import BLANK, Form

# Rows read by one statement.
_PAGE = 1000

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_NAME_BYTES = 150

_CHARACTERS = select(
    Character.id,
    Character.name,
    Character.description,
    Character.personality,
    Character.system_prompt,
    Character.extra,
    Character.conversation_count,
    Origin.form,
    Origin.document,
).outerjoin(Origin, (Origin.character_id == Character.id) & (Origin.kind == OriginKind.CHARACTER))

_CONVERSATIONS = select(
    Conversation.id,
    Conversation.title,
    Conversation.created_at,
    Conversation.updated_at,
    Origin.kind,
    Origin.name.label("found_name"),
    Origin.document,
).outerjoin(Origin, Origin.conversation_id == Conversation.id)


class NewFolder:
    """A folder that overwrites no file, not even its own. Raises Unwritable if something is there already."""

    def __init__(self, path: Path) -> None:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise Unwritable(f"{path} exists and is not an empty folder. Choose another path.")
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._taken: set[str] = set()

    def write(self, name: str, document: Document) -> None:
        stem = free = file_name(name)
        number = 1
        while free.casefold() in self._taken:
            number += 1
            free = f"{stem} ({number})"
        self._taken.add(free.casefold())
        text = json.dumps(document, ensure_ascii=False, indent=2)
        (self._path / f"{free}.json").write_text(f"{text}\n", encoding="utf-8")


async def export(database: Database, owner: Owner, path: Path, character_id: str | None = None) -> Exported:
    """Writes a file for each character and each conversation. Raises Unwritable and NotFound."""
    done = Exported()
    query = _CHARACTERS
    async with database.snapshot(owner) as session:
        if character_id is not None:
            query = query.where(Character.id == character_id)
            if (await session.execute(query)).first() is None:
                raise NotFound("character", character_id)
        folder = NewFolder(path)
        async for character in _rows(session, query, Character.id):
            own = await _export_character(session, character, folder, done)
            await _export_conversations(session, character, own, folder, done)
    return done


def file_name(name: str) -> str:
    """Returns the name in a form that every file system accepts."""
    plain = _FORBIDDEN.sub("_", name).encode()[:_NAME_BYTES].decode(errors="ignore").strip(" .")
    return f"_{plain}" if not plain or _RESERVED.fullmatch(plain) else plain


async def _export_character(
    session: AsyncSession, character: Row[Any], folder: NewFolder, done: Exported
) -> str | None:
    """Writes a character, and returns the id of the conversation that is its own history."""
    # The newest: a history that had grown was imported again.
    histories = select(Origin.conversation_id).where(
        Origin.character_id == character.id, Origin.kind == OriginKind.OWN_HISTORY
    )
    own = await session.scalar(histories.order_by(Origin.conversation_id.desc()).limit(1))
    history = None if own is None else await _history(session, own)
    document = characters.document(character._asdict(), character.document, history)
    has_others = character.conversation_count > (0 if own is None else 1)
    if not (has_others and _was_only_named(character, document)):
        folder.write(character.name, document)
        done.characters += 1
        done.messages += len(history or ())
    return own


def _was_only_named(character: Row[Any], document: Document) -> bool:
    """Returns whether the character is only a name in the export of a history, whose file holds it too."""
    return character.form == Form.HISTORY_JSON and document == {**BLANK, "name": document["name"]}


async def _export_conversations(
    session: AsyncSession, character: Row[Any], own: str | None, folder: NewFolder, done: Exported
) -> None:
    query = _CONVERSATIONS.where(Conversation.character_id == character.id)
    async for conversation in _rows(session, query, Conversation.id):
        if conversation.id == own:
            continue
        history = await _history(session, conversation.id)
        folder.write(f"{character.name} - {conversation.title}", _document(conversation, character, history))
        done.conversations += 1
        done.messages += len(history)


async def _history(session: AsyncSession, conversation_id: str) -> list[Document]:
    path = select(Message.position, Message.role, Message.content, Message.extra, Message.status)
    path = path.where(Message.conversation_id == conversation_id, Message.active)
    return [
        chat_history.element(message.role, message.content, message.extra)
        async for message in _rows(session, path, Message.position)
        if chat_history.is_shown(message.content, message.status)
    ]


async def _rows(
    session: AsyncSession, query: Select[Any], key: InstrumentedAttribute[Any]
) -> AsyncIterator[Row[Any]]:
    """Yields the rows of a query in the order of a unique column, a page by each statement."""
    page = query
    while True:
        rows = (await session.execute(page.order_by(key).limit(_PAGE))).all()
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        page = query.where(key > rows[-1]._mapping[key])


def _document(conversation: Row[Any], character: Row[Any], history: list[Document]) -> Document:
    """Returns a conversation as the export of one: as it was found, except for what was changed since."""
    found = conversation.document if conversation.kind is OriginKind.CONVERSATION else None
    document = _new_document(conversation, character) if found is None else dict(found)
    if conversation.title != repairs.title(document.get("title"), Tally()):
        document["title"] = conversation.title
    if found is not None and conversation.found_name != character.name:
        document[documents.name_key(document)] = character.name
    key = documents.history_key(document)
    if history or isinstance(document.get(key), list):
        document[key] = history
    return document


def _new_document(conversation: Row[Any], character: Row[Any]) -> Document:
    return {
        "id": conversation.id,
        "character_id": character.id,
        "character_name": character.name,
        "title": conversation.title,
        "chat_history": [],
        "created_at": _written(conversation.created_at),
        "updated_at": _written(conversation.updated_at),
    }


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
