"""Files as the old program left them, built with plain sqlite3 and json."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

CHARACTERS = """CREATE TABLE characters (id INTEGER PRIMARY KEY, name VARCHAR(255) UNIQUE, personality TEXT,
    background TEXT, prompt TEXT, wiki_info TEXT, use_agentic BOOLEAN, chat_history TEXT,
    created_at DATETIME, updated_at DATETIME)"""
CONVERSATIONS = """CREATE TABLE conversations (id INTEGER PRIMARY KEY, character_id INTEGER,
    title VARCHAR(255) DEFAULT 'New Conversation', chat_history TEXT, created_at DATETIME, updated_at DATETIME)"""
SESSIONS = """CREATE TABLE sessions (session_id TEXT PRIMARY KEY, session_name TEXT, system_prompt TEXT,
    wiki_info TEXT, created_at DATETIME)"""
MESSAGES = """CREATE TABLE messages (message_id INTEGER PRIMARY KEY, session_id TEXT, parent_message_id INTEGER,
    message_role TEXT, message_content TEXT, tool_calls JSON, message_metadata JSON, message_index INTEGER,
    is_hidden BOOLEAN, model_used TEXT, created_at DATETIME)"""

TOOLS = "\n\nTools You Can Use:\n- dice(sides)"
ACTION = {"tool": "dice", "args": {"sides": 6}, "result": {"z": 1, "a": [4, None, {"ö": 1.5}]}}

Row = dict[str, Any]


def user(content: str, **more: Any) -> Row:
    return {"role": "user", "content": content, **more}


def assistant(content: str, **more: Any) -> Row:
    return {"role": "assistant", "content": content, **more}


def packed(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


ADA = [
    assistant("Merhaba, ben Ada. Işık, İĞÜŞÖÇ ığüşöç!"),
    assistant("Twice."),
    user("Hi\n"),
    assistant("4", action=ACTION),
]
TALK = [
    user(""),
    user("again 😀"),
    assistant("An error occurred: timeout", action={"tool": "x", "args": {}, "result": {}}),
]
ODD: list[dict[str, Any]] = [
    {"role": "system", "content": "Be kind.", "later": {"b": 1, "a": 2}, "earlier": None},
    {"role": "tool", "content": "42", "tool_call_id": "t1"},
    {"role": "Narrator", "content": "Meanwhile …"},
    {"content": "keys the other way round", "role": "user"},
]


def write(path: Path, schema: Sequence[str], **tables: Iterable[Row]) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for statement in schema:
            connection.execute(statement)
        for table, rows in tables.items():
            add(connection, table, rows)
        connection.commit()
    return path


def add(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    for row in rows:
        places = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", tuple(row.values()))


def legacy_db(path: Path, characters: Iterable[Row], conversations: Iterable[Row] = ()) -> Path:
    return write(path, [CHARACTERS, CONVERSATIONS], characters=characters, conversations=conversations)


def old_db(path: Path) -> Path:
    """Makes a database with every oddity that the old program's data is known for."""
    created = "2025-05-18 04:35:40.563516"
    return legacy_db(
        path,
        [
            {
                "id": 1,
                "name": "Ada",
                "personality": "kind\n",
                "background": "Küçük bir köyde doğdu.",
                "prompt": "You are Ada." + TOOLS + TOOLS,
                "wiki_info": "wiki",
                "use_agentic": 1,
                "chat_history": packed(ADA),
                "created_at": created,
                "updated_at": "2025-06-01 10:00:00",
            },
            {"id": 2, "name": "Null", "chat_history": None},
            {"id": 3, "name": "Empty", "prompt": "", "use_agentic": 0, "chat_history": ""},
            {"id": 4, "name": "Twice", "chat_history": packed("[]")},
            {"id": 5, "name": "Coded", "chat_history": packed(packed(ODD)), "created_at": created},
        ],
        [
            {"id": 1, "character_id": 1, "title": "Başlık\n", "chat_history": packed(TALK), "created_at": created},
            {"id": 2, "character_id": 1, "title": "New Conversation", "chat_history": "[]", "created_at": created},
            {"id": 3, "character_id": 2, "title": None, "chat_history": None},
        ],
    )


def sessions_db(path: Path) -> Path:
    """Makes a database of the later generation."""
    said = [
        ("s1", 0, "user", "Hi", None, None, 0, None),
        ("s1", 2, "assistant", "Hello.", packed([{"name": "dice"}]), packed({"z": 1, "a": 2}), 0, "model-1"),
        ("s1", 1, "system", "Summary so far", None, None, 1, None),
        ("s1", 3, "tool", "6", None, None, 1, None),
        ("s2", 0, "user", "Other", None, None, 0, None),
    ]
    return write(
        path,
        [SESSIONS, MESSAGES],
        sessions=[
            {
                "session_id": "s1",
                "session_name": "First",
                "system_prompt": "You are Ada.\nBe short." + TOOLS,
                "wiki_info": "wiki",
                "created_at": "2025-07-01 08:00:00",
            },
            {
                "session_id": "s2",
                "session_name": "Second",
                "system_prompt": "You are Ada.\nBe short.",
                "wiki_info": "wiki",
            },
            {"session_id": "s3", "session_name": None, "system_prompt": None},
        ],
        messages=[
            {
                "session_id": session,
                "message_index": index,
                "message_role": role,
                "message_content": content,
                "tool_calls": calls,
                "message_metadata": metadata,
                "is_hidden": hidden,
                "model_used": model,
                "created_at": f"2025-07-01 09:00:0{index}",
            }
            for session, index, role, content, calls, metadata, hidden, model in said
        ],
    )
