"""Reader for the old program's database: characters, and conversations where there are any.

Columns are looked up, never assumed. Rows are read one at a time, so memory holds one history, not the database.
"""

import sqlite3
from collections.abc import Hashable, Iterator
from typing import Any

from models import OriginKind
from services.importing.values import Document, Finding, FoundCharacter, FoundHistory, MessageRow, Tally
from services.legacy import characters, files, histories, repairs
from services.legacy.forms import BLANK, Form
from services.legacy.repairs import Repair

# One of these columns tells the table from another program's.
_SIGNS = {"prompt", "background", "wiki_info", "use_agentic", "chat_history"}
_NOT_IN_DOCUMENT = {"id", "chat_history", "created_at", "updated_at"}

# A row of the source, by column.
Values = dict[str, Any]


def fits(tables: files.Tables) -> bool:
    columns = set(tables.get("characters", ()))
    return "name" in columns and not columns.isdisjoint(_SIGNS)


def size(connection: sqlite3.Connection, tables: files.Tables) -> int:
    """Returns the largest possible number of findings."""
    conversations = files.count(connection, "conversations") if _has_conversations(tables) else 0
    return 2 * files.count(connection, "characters") + conversations


def findings(connection: sqlite3.Connection, tables: files.Tables) -> Iterator[Finding]:
    names: dict[Hashable, str] = {}
    for row in files.rows(connection, f"SELECT * FROM characters ORDER BY {_order(tables['characters'])}"):
        character, history = _character(row)
        names[character.ref] = character.name
        yield character
        if history:
            yield history
        del history
    if not _has_conversations(tables):
        return
    for row in files.rows(connection, f"SELECT * FROM conversations ORDER BY {_order(tables['conversations'])}"):
        ref: Hashable = row["character_id"]
        if ref not in names:
            character = _lost(ref)
            names[ref] = character.name
            yield character
        yield _conversation(row, names[ref])


def _has_conversations(tables: files.Tables) -> bool:
    return {"character_id", "chat_history"} <= set(tables.get("conversations", ()))


def _order(columns: list[str]) -> str:
    return "id" if "id" in columns else "rowid"


def _character(row: Values) -> tuple[FoundCharacter, FoundHistory | None]:
    tally, history_tally = Tally(), Tally()
    document: Document = {**BLANK, **{key: row[key] for key in row if key not in _NOT_IN_DOCUMENT}}
    if isinstance(document["use_agentic"], int):
        document["use_agentic"] = bool(document["use_agentic"])
    cell = row.pop("chat_history", None)
    rows = _rows(cell, history_tally, "the history kept in the character")
    if rows is None:
        document["chat_history"] = cell
    if rows == []:
        tally.add(history_tally)
    document = repairs.json_value(document, tally)
    created_at = repairs.created_at(row)
    character = characters.found(row.get("id"), Form.LEGACY_DB, document, tally, created_at)
    if rows == []:
        return character, None
    return character, FoundHistory(
        character=character.ref,
        form=Form.LEGACY_DB,
        row_id=repairs.json_value(row.get("id"), history_tally),
        document={},
        title=repairs.title_since(created_at),
        rows=rows,
        tally=history_tally,
        kind=OriginKind.OWN_HISTORY,
        created_at=created_at,
        active_at=repairs.active_at(row),
    )


def _conversation(row: Values, character_name: str) -> FoundHistory:
    tally = Tally()
    ref, cell = row["character_id"], row.pop("chat_history")
    document: Document = repairs.json_value(
        {
            "id": row.get("id"),
            "character_id": ref,
            "character_name": character_name,
            "title": row.get("title"),
            "chat_history": [],
            **row,
        },
        tally,
    )
    return FoundHistory(
        character=ref,
        form=Form.LEGACY_DB,
        row_id=document["id"],
        document=document,
        title=repairs.title(document["title"], tally),
        rows=_rows(cell, tally, f"conversation {document['id']}"),
        tally=tally,
        created_at=repairs.created_at(row),
        active_at=repairs.active_at(row),
    )


def _lost(ref: Hashable) -> FoundCharacter:
    """Returns a character in place of one that its conversations name and that is not in the table."""
    tally = Tally()
    tally.repair(Repair.ORPHAN)
    name = f"Character {repairs.json_value(ref, tally)}"
    return characters.found(ref, Form.LEGACY_DB, {**BLANK, "name": name}, tally)


def _rows(cell: Any, tally: Tally, where: str) -> list[MessageRow] | None:
    try:
        return histories.rows(histories.decoded(cell, tally), tally)
    except histories.Unreadable as reason:
        tally.skip(str(reason), where)
        return None
