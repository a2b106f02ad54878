"""Reading a database of the later generation: sessions and messages, without characters.

Messages come in one ordered pass, so memory holds one session, not the database.
"""

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from services.legacy import files, histories, repairs, times
from services.legacy.characters import BLANK, Document
from services.legacy.findings import Finding, Form, FoundCharacter, FoundHistory
from services.legacy.tallies import Repair, Tally

_NAME_LENGTH = 60
_NAMELESS = "Assistant"

# These have columns of ours, or say what the order says.
_PLACED = {
    "session_id",
    "message_role",
    "message_content",
    "message_index",
    "is_hidden",
    "model_used",
    "created_at",
}
_OF_CHARACTER = {"system_prompt", "wiki_info"}

_JSON_COLUMNS = {"tool_calls", "message_metadata"}

Values = dict[str, Any]


def fits(tables: files.Tables) -> bool:
    return "session_id" in tables.get("sessions", ()) and {"session_id", "message_role", "message_content"} <= set(
        tables.get("messages", ())
    )


def size(connection: sqlite3.Connection, tables: files.Tables) -> int:
    """Return how many findings there are, if no message is without its session."""
    return 2 * files.count(connection, "sessions")


def findings(connection: sqlite3.Connection, tables: files.Tables) -> Iterator[Finding]:
    index = "message_index IS NULL, message_index, " if "message_index" in tables["messages"] else ""
    messages = files.rows(connection, f"SELECT * FROM messages ORDER BY session_id, {index}rowid")
    for session_id, said in groupby(messages, key=lambda row: row["session_id"]):
        found = next(files.rows(connection, "SELECT * FROM sessions WHERE session_id IS ?", session_id), None)
        yield from _session(found, session_id, said)
    silent = "SELECT session_id FROM messages WHERE session_id IS NOT NULL"
    for row in files.rows(connection, f"SELECT * FROM sessions WHERE session_id NOT IN ({silent})"):
        yield from _session(row, row["session_id"], iter(()))


def _session(found: Values | None, session_id: Any, said: Iterator[Values]) -> Iterator[Finding]:
    row, tally, history_tally = found or {}, Tally(), Tally()
    if found is None:
        tally.repair(Repair.ORPHAN)
    character = repairs.json_value(
        {**BLANK, "prompt": row.get("system_prompt"), "wiki_info": row.get("wiki_info")}, tally
    )
    character["name"] = name_in(repairs.plain(character["prompt"], Tally()))
    rows = [_message(values, history_tally) for values in said]
    document: Document = {
        "id": session_id,
        "character_id": None,
        "character_name": character["name"],
        "title": row.get("session_name"),
        "chat_history": [],
        **{key: value for key, value in row.items() if key not in _OF_CHARACTER},
    }
    document = repairs.json_value(document, history_tally)
    yield FoundCharacter(session_id, Form.SESSIONS_DB, character, tally, times.created_at(row))
    yield FoundHistory(
        character=session_id,
        form=Form.SESSIONS_DB,
        row_id=session_id,
        document=document,
        title=document["title"],
        rows=rows,
        tally=history_tally,
        created_at=times.created_at(row),
        active_at=max((at for message in rows if (at := message["created_at"])), default=times.active_at(row)),
    )


def name_in(prompt: str) -> str:
    """Return a name for the character that a system prompt describes: how the prompt begins."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), _NAMELESS)
    if len(line) <= _NAME_LENGTH:
        return line
    words = line[:_NAME_LENGTH].rpartition(" ")[0] or line[: _NAME_LENGTH - 1]
    return words.rstrip(" ,;:.-") + "…"


def _message(values: Values, tally: Tally) -> histories.Row:
    extra = {key: value for key, value in values.items() if key not in _PLACED and value is not None}
    extra |= {key: _json(extra[key]) for key in _JSON_COLUMNS & extra.keys()}
    item = {"role": values["message_role"], "content": values["message_content"], **extra}
    if values.get("is_hidden"):
        item["is_hidden"] = True
    model = values.get("model_used")
    return {
        **histories.row(item, tally),
        "model": repairs.text(model, tally) if isinstance(model, str) and model else None,
        "created_at": times.created_at(values),
    }


def _json(stored: Any) -> Any:
    try:
        return json.loads(stored)
    except (TypeError, ValueError, RecursionError):
        return stored
