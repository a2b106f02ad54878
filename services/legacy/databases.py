"""Reading the old program's database: characters, and conversations where there are any.

Columns are looked at, never assumed. Rows come one at a time, so memory holds one history, not the database.
"""

import sqlite3
from collections.abc import Hashable, Iterator
from typing import Any

from models import OriginKind
from services.legacy import files, histories, repairs, times
from services.legacy.characters import BLANK, Document
from services.legacy.findings import Finding, Form, FoundCharacter, FoundHistory
from services.legacy.tallies import Repair, Tally

# One of them tells the old table from one of another program.
_SIGNS = {"prompt", "background", "wiki_info", "use_agentic", "chat_history"}
_NOT_ITS_OWN = {"id", "chat_history", "created_at", "updated_at"}

Values = dict[str, Any]


def fits(tables: files.Tables) -> bool:
    columns = set(tables.get("characters", ()))
    return "name" in columns and not columns.isdisjoint(_SIGNS)


def size(connection: sqlite3.Connection, tables: files.Tables) -> int:
    """Return how many findings there are at the most."""
    conversations = files.count(connection, "conversations") if _has_conversations(tables) else 0
    return 2 * files.count(connection, "characters") + conversations


def findings(connection: sqlite3.Connection, tables: files.Tables) -> Iterator[Finding]:
    known: dict[Hashable, str] = {}
    for row in files.rows(connection, f"SELECT * FROM characters ORDER BY {_order(tables['characters'])}"):
        known[row.get("id")] = str(row["name"])
        yield from _character(row)
    if not _has_conversations(tables):
        return
    for row in files.rows(connection, f"SELECT * FROM conversations ORDER BY {_order(tables['conversations'])}"):
        owner: Hashable = row.get("character_id")
        if owner not in known:
            known[owner] = f"Character {owner}"
            yield _lost(owner, known[owner])
        yield _conversation(row, known[owner])


def _has_conversations(tables: files.Tables) -> bool:
    return {"character_id", "chat_history"} <= set(tables.get("conversations", ()))


def _order(columns: list[str]) -> str:
    return "id" if "id" in columns else "rowid"


def _character(row: Values) -> Iterator[Finding]:
    tally, history_tally = Tally(), Tally()
    document: Document = {**BLANK, **{key: row[key] for key in row if key not in _NOT_ITS_OWN}}
    if isinstance(document["use_agentic"], int):
        document["use_agentic"] = bool(document["use_agentic"])
    cell, rows = row.pop("chat_history", None), None
    try:
        rows = histories.rows(histories.decoded(cell, history_tally), history_tally)
    except histories.Unreadable as reason:
        history_tally.skip(str(reason), "the history kept in the character")
        document["chat_history"] = cell
    del cell
    if rows == []:
        tally.add(history_tally)
    document = repairs.json_value(document, tally)
    yield FoundCharacter(row.get("id"), Form.LEGACY_DB, document, tally, times.created_at(row))
    if rows != []:
        yield FoundHistory(
            character=row.get("id"),
            form=Form.LEGACY_DB,
            row_id=row.get("id"),
            document={},
            title=times.title_since(times.created_at(row)),
            rows=rows,
            tally=history_tally,
            kind=OriginKind.OWN_HISTORY,
            created_at=times.created_at(row),
            active_at=times.active_at(row),
        )


def _conversation(row: Values, character_name: str) -> FoundHistory:
    tally = Tally()
    document: Document = {
        "id": row.get("id"),
        "character_id": row["character_id"],
        "character_name": character_name,
        "title": row.get("title"),
        "chat_history": [],
    }
    cell, rows = row.pop("chat_history"), None
    try:
        rows = histories.rows(histories.decoded(cell, tally), tally)
    except histories.Unreadable as reason:
        tally.skip(str(reason), f"conversation {row.get('id')}")
    document = repairs.json_value(document | row, tally)
    return FoundHistory(
        character=row["character_id"],
        form=Form.LEGACY_DB,
        row_id=row.get("id"),
        document=document,
        title=document["title"],
        rows=rows,
        tally=tally,
        created_at=times.created_at(row),
        active_at=times.active_at(row),
    )


def _lost(ref: Hashable, name: str) -> FoundCharacter:
    tally = Tally()
    tally.repair(Repair.ORPHAN)
    return FoundCharacter(ref, Form.LEGACY_DB, {**BLANK, "name": name}, tally)
