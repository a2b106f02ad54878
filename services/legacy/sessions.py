"""Reader for databases of the later generation: sessions and messages, without characters.

Messages are read in one ordered pass, so memory holds one session, not the database.
"""

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from services.importing.values import Document, Finding, FoundHistory, MessageRow, Tally
from services.legacy import characters, files, histories, repairs
from services.legacy.forms import BLANK, Form
from services.legacy.repairs import Repair

_NAME_LENGTH = 60
_NAMELESS = "Assistant"

# These have columns of their own, or say what the order says.
_NOT_IN_EXTRA = {
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

# A row of the source, by column.
Values = dict[str, Any]


def fits(tables: files.Tables) -> bool:
    return "session_id" in tables.get("sessions", ()) and {"session_id", "message_role", "message_content"} <= set(
        tables.get("messages", ())
    )


def size(connection: sqlite3.Connection, tables: files.Tables) -> int:
    """Returns the number of findings, if no message is without its session."""
    return 2 * files.count(connection, "sessions")


def findings(connection: sqlite3.Connection, tables: files.Tables) -> Iterator[Finding]:
    index = "message_index IS NULL, message_index, " if "message_index" in tables["messages"] else ""
    messages = files.rows(connection, f"SELECT * FROM messages ORDER BY session_id, {index}rowid")
    for session_id, of_session in groupby(messages, key=lambda row: row["session_id"]):
        session = next(files.rows(connection, "SELECT * FROM sessions WHERE session_id IS ?", session_id), None)
        yield from _session(session, session_id, of_session)
    with_messages = "SELECT session_id FROM messages WHERE session_id IS NOT NULL"
    for row in files.rows(connection, f"SELECT * FROM sessions WHERE session_id NOT IN ({with_messages})"):
        yield from _session(row, row["session_id"], iter(()))


def _session(session: Values | None, session_id: Any, messages: Iterator[Values]) -> Iterator[Finding]:
    row, tally, history_tally = session or {}, Tally(), Tally()
    if session is None:
        tally.repair(Repair.ORPHAN)
    created_at = repairs.created_at(row)
    described = {**BLANK, "prompt": row.get("system_prompt"), "wiki_info": row.get("wiki_info")}
    character: Document = repairs.json_value(described, tally)
    character["name"] = name_in(repairs.plain(character["prompt"], Tally()))
    yield characters.found(session_id, Form.SESSIONS_DB, character, tally, created_at)
    rows = [_message(values, history_tally) for values in messages]
    document: Document = repairs.json_value(
        {
            "id": session_id,
            "character_id": None,
            "character_name": character["name"],
            "title": row.get("session_name"),
            "chat_history": [],
            **{key: value for key, value in row.items() if key not in _OF_CHARACTER},
        },
        history_tally,
    )
    yield FoundHistory(
        character=session_id,
        form=Form.SESSIONS_DB,
        row_id=document["id"],
        document=document,
        title=repairs.title(document["title"], history_tally),
        rows=rows,
        tally=history_tally,
        created_at=created_at,
        active_at=max((at for message in rows if (at := message["created_at"])), default=repairs.active_at(row)),
    )


def name_in(prompt: str) -> str:
    """Returns a name for the character that a system prompt describes: the beginning of the prompt."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), _NAMELESS)
    if len(line) <= _NAME_LENGTH:
        return line
    words = line[:_NAME_LENGTH].rpartition(" ")[0] or line[: _NAME_LENGTH - 1]
    return words.rstrip(" ,;:.-") + "…"


def _message(values: Values, tally: Tally) -> MessageRow:
    extra = {key: value for key, value in values.items() if key not in _NOT_IN_EXTRA and value is not None}
    extra |= {key: _json(extra[key]) for key in _JSON_COLUMNS & extra.keys()}
    item = {"role": values["message_role"], "content": values["message_content"], **extra}
    if values.get("is_hidden"):
        item["is_hidden"] = True
    model = values.get("model_used")
    return {
        **histories.row(item, tally),
        "model": repairs.text(model, tally) if isinstance(model, str) and model else None,
        "created_at": repairs.created_at(values),
    }


def _json(stored: Any) -> Any:
    try:
        return json.loads(stored)
    except (TypeError, ValueError, RecursionError):
        return stored
