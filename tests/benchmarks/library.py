"""The data that every server of the benchmarks answers from: the same texts in our tables and in the peers'.

100 characters with 20 conversations of 10 messages each, and one character with 200,000 empty conversations, which
was active before all others.

`PYTHONPATH=CHECKOUT python -P library.py FILE CHARACTERS CROWD` fills a database of the version in that checkout.
"""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

CONVERSATIONS, MESSAGES = 20, 10
# The number of the character with many conversations.
CROWDED = 101


class Size(NamedTuple):
    """How many characters have a few conversations, and how many conversations one character has."""

    characters: int
    crowd: int


FULL = Size(100, 200_000)

_DESCRIPTION = "A brave and witty character. " * 10
_LINE = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 3
_START = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = 5_000

_PEER_TABLES = """
    CREATE TABLE characters (id INTEGER PRIMARY KEY, name TEXT, description TEXT, avatar_url TEXT, active_at TEXT);
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY, character_id INTEGER, title TEXT, message_count INTEGER, stream_cursor TEXT,
        created_at TEXT, updated_at TEXT);
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY, conversation_id INTEGER, role TEXT, content TEXT, status TEXT, created_at TEXT);
    CREATE TABLE runs (message_id INTEGER PRIMARY KEY, conversation_id INTEGER);
    CREATE INDEX characters_active ON characters (active_at);
    CREATE INDEX conversations_character ON conversations (character_id);
    CREATE INDEX messages_conversation ON messages (conversation_id);
    CREATE INDEX runs_conversation ON runs (conversation_id);
"""


def key(prefix: str, number: int) -> str:
    """Returns the id, in our database, of what has this number in the peers'."""
    return f"{prefix}_{number:032x}"


def _moment(number: int) -> datetime:
    return _START + timedelta(seconds=number)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _characters(size: Size) -> Iterator[dict[str, Any]]:
    for number in (*range(1, size.characters + 1), CROWDED):
        crowded = number == CROWDED
        yield {
            "id": number,
            "name": f"Char {number}",
            "description": _DESCRIPTION,
            "active_at": _moment(0 if crowded else number),
            "conversation_count": size.crowd if crowded else CONVERSATIONS,
        }


def _conversations(size: Size) -> Iterator[dict[str, Any]]:
    kept = size.characters * CONVERSATIONS
    for number in range(1, kept + size.crowd + 1):
        crowded = number > kept
        yield {
            "id": number,
            "character_id": CROWDED if crowded else (number - 1) // CONVERSATIONS + 1,
            "title": f"Chat {number}",
            "message_count": 0 if crowded else MESSAGES,
            "moment": _moment(number),
        }


def _messages(size: Size) -> Iterator[dict[str, Any]]:
    for number in range(1, size.characters * CONVERSATIONS * MESSAGES + 1):
        yield {
            "id": number,
            "conversation_id": (number - 1) // MESSAGES + 1,
            "position": (number - 1) % MESSAGES,
            "role": "USER" if number % 2 else "ASSISTANT",
            "content": _LINE,
            "moment": _moment(number),
        }


def store_peers(path: str, size: Size = FULL) -> None:
    """Creates and fills the peers' database, a new file."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.executescript(_PEER_TABLES)
        database.executemany(
            "INSERT INTO characters VALUES (:id, :name, :description, NULL, :moment)",
            ({**row, "moment": _text(row["active_at"])} for row in _characters(size)),
        )
        database.executemany(
            "INSERT INTO conversations VALUES (:id, :character_id, :title, :message_count, :cursor, :text, :text)",
            (
                {**row, "cursor": f"{row['id']:016x}.1", "text": _text(row["moment"])}
                for row in _conversations(size)
            ),
        )
        database.executemany(
            "INSERT INTO messages VALUES (:id, :conversation_id, :role, :content, 'COMPLETED', :text)",
            ({**row, "text": _text(row["moment"])} for row in _messages(size)),
        )
    database.close()


async def store_ours(path: str, size: Size = FULL) -> None:
    """Migrates and fills a database of the version whose `models` the interpreter finds."""
    # Imported here because the folder of the checkout, which is on the path only in a process of its own, decides.
    from sqlalchemy import insert

    from models import LOCAL_OWNER, Database

    database = Database(f"sqlite+aiosqlite:///{path}")
    await database.migrate()
    async for model, rows in _batches(size):

        async def work(session: Any, model: Any = model, rows: Any = rows) -> None:
            await session.execute(insert(model), rows)

        await database.write(LOCAL_OWNER, work)
    await database.close()


async def _batches(size: Size) -> AsyncIterator[tuple[Any, list[dict[str, Any]]]]:
    from models import Character, Conversation, Message

    for model, rows in (
        (Character, map(_our_character, _characters(size))),
        (Conversation, map(_our_conversation, _conversations(size))),
        (Message, map(_our_message, _messages(size))),
    ):
        while batch := list(islice(rows, _BATCH)):
            yield model, batch


def _our_character(row: dict[str, Any]) -> dict[str, Any]:
    times = dict.fromkeys(("created_at", "updated_at"), row["active_at"])
    return {**row, **times, "id": key("char", row["id"]), "name_folded": row["name"].casefold(), "extra": {}}


def _our_conversation(row: dict[str, Any]) -> dict[str, Any]:
    from models import TitleSource

    moment = row.pop("moment")
    return {
        **row,
        "id": key("conv", row["id"]),
        "character_id": key("char", row["character_id"]),
        "title_folded": row["title"].casefold(),
        "title_source": TitleSource.USER,
        "active_at": moment,
        "created_at": moment,
        "updated_at": moment,
    }


def _our_message(row: dict[str, Any]) -> dict[str, Any]:
    from models import Role

    moment, number = row.pop("moment"), row["id"]
    return {
        **row,
        "id": key("msg", number),
        "conversation_id": key("conv", row["conversation_id"]),
        "parent_id": key("msg", number - 1) if row["position"] else None,
        "role": Role(row["role"]),
        "created_at": moment,
        "updated_at": moment,
    }


if __name__ == "__main__":
    asyncio.run(store_ours(sys.argv[1], Size(*map(int, sys.argv[2:]))))
