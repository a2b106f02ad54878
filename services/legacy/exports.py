"""The old format out again: as JSON values equal to what came in, as far as nobody changed it here.

A character goes out with its own history, each other conversation as the export of one. Only the active
path goes out: the old format knows no alternatives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Message, Origin, OriginKind
from services import chat_history
from services.errors import NotFound
from services.legacy import characters, documents
from services.legacy.characters import BLANK, Document
from services.legacy.findings import Form
from services.legacy.folders import NewFolder
from services.legacy.shelf import title_of
from services.legacy.tallies import Tally

# Messages read at once.
_PAGE = 1000


@dataclass
class Exported:
    """How much was written."""

    characters: int = 0
    conversations: int = 0
    messages: int = 0


class ExportService:
    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def run(self, path: Path, character_id: str | None = None) -> Exported:
        """Write a file for each character and each conversation. Raises Unwritable and NotFound."""
        done = Exported()
        async with self._database.snapshot() as session:
            chosen = await self._chosen(session, character_id)
            folder = NewFolder(path)
            for id in chosen:
                await _export(session, await session.get_one(Character, id), folder, done)
                session.expunge_all()
        return done

    async def _chosen(self, session: AsyncSession, character_id: str | None) -> list[str]:
        query = select(Character.id).where(Character.owner == self._owner).order_by(Character.id)
        if character_id is not None:
            query = query.where(Character.id == character_id)
        found = list(await session.scalars(query))
        if character_id is not None and not found:
            raise NotFound("character", character_id)
        return found


async def _export(session: AsyncSession, character: Character, folder: NewFolder, done: Exported) -> None:
    found = await session.scalars(select(Origin).where(Origin.character_id == character.id))
    origins = {origin.conversation_id: origin for origin in found}
    query = select(Conversation).where(Conversation.character_id == character.id).order_by(Conversation.id)
    others = list(await session.scalars(query))
    own = _own(others, origins)
    if own is not None:
        others.remove(own)
    history = None if own is None else await _history(session, own)
    origin = origins.get(None)
    document = characters.document(character, origin.document if origin else None, history)
    if not (others and origin and _was_only_named(origin, document)):
        folder.write(character.name, document)
        done.characters += 1
        done.messages += len(history or ())
    for conversation in others:
        history = await _history(session, conversation)
        document = _document(conversation, character, origins.get(conversation.id), history)
        folder.write(f"{character.name} - {conversation.title}", document)
        done.conversations += 1
        done.messages += len(history)


def _own(conversations: Sequence[Conversation], origins: Mapping[str | None, Origin]) -> Conversation | None:
    """Return the character's own history: the newest, where it was imported again when it had grown."""
    for conversation in reversed(conversations):
        if (origin := origins.get(conversation.id)) and origin.kind is OriginKind.OWN_HISTORY:
            return conversation
    return None


def _was_only_named(origin: Origin, document: Document) -> bool:
    """Tell whether the character is but the name in the export of a history, which tells it again."""
    return origin.form == Form.HISTORY_JSON and document == {**BLANK, "name": document["name"]}


async def _history(session: AsyncSession, conversation: Conversation) -> list[chat_history.Element]:
    path = select(Message).where(Message.conversation_id == conversation.id, Message.active)
    shown = []
    for start in range(0, conversation.message_count, _PAGE):
        page = path.where(Message.position >= start, Message.position < start + _PAGE)
        said = await session.scalars(page.order_by(Message.position))
        shown += [chat_history.element(message) for message in said if chat_history.is_shown(message)]
    return shown


def _document(
    conversation: Conversation, character: Character, origin: Origin | None, history: list[chat_history.Element]
) -> Document:
    """Return the conversation in the shape of an export, as it was found as far as nobody changed it since."""
    found = origin.document if origin and origin.kind is OriginKind.CONVERSATION else None
    document = _native(conversation, character) if found is None else dict(found)
    if conversation.title != title_of(document.get("title"), Tally()):
        document["title"] = conversation.title
    if found is not None and origin is not None and origin.name != character.name:
        document[documents.name_key(document)] = character.name
    key = documents.history_key(document)
    if history or isinstance(document.get(key), list):
        document[key] = history
    return document


def _native(conversation: Conversation, character: Character) -> Document:
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
