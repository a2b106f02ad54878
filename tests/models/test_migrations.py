"""A database of the version before is brought up to date without losing or changing a row that people see."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import LOCAL_OWNER, Character, Database, IdempotencyKey, Status, everyone
from models.migrations import upgrade
from services import Services, checking
from services.settings import Settings
from tests.conftest import opened
from tests.support.makers import TestEngine

pytestmark = pytest.mark.sqlite

THEN = "2026-01-02 03:04:05.678901"
OWNED = ("characters", "conversations", "messages", "runs", "origins", "idempotency_keys")
GONE = {"lease_until", "owner"}


def key(kind: int, number: int) -> str:
    return f"{kind:016x}{number:016x}"


def old_rows() -> dict[str, list[dict[str, Any]]]:
    """Return rows as the version before wrote them: two characters, 30 conversations, 600 messages."""
    times = {"created_at": THEN, "updated_at": THEN}
    texts = ("description", "personality", "scenario", "system_prompt", "post_history_instructions")
    empty = dict.fromkeys((*texts, "example_dialogue"), "")
    lists = {"alternate_greetings": "[]", "tags": "[]", "generation": "{}", "metadata": "{}"}
    names = ["\N{MATHEMATICAL BOLD CAPITAL A}da", "Bob"]
    characters = [
        {
            "id": key(1, n),
            "owner": "local",
            "name": name,
            "name_folded": name.lower(),
            "version": 1,
            "active_at": THEN,
        }
        | empty
        | lists
        | times
        for n, name in enumerate(names)
    ]
    conversations = [
        {
            "id": key(2, n),
            "owner": "local",
            "character_id": key(1, n % 2),
            "title": f"T{n}",
            "title_folded": f"t{n}",
        }
        | {"title_source": "USER", "generation": "{}", "version": 1, "history_version": 40, "message_count": 20}
        | {"active_at": THEN}
        | times
        for n in range(30)
    ]
    messages = [
        {
            "id": key(3, 100 * n + p),
            "conversation_id": key(2, n),
            "parent_id": key(3, 100 * n + p - 1) if p else None,
        }
        | {"position": p, "active": 1, "selected": 1, "role": "USER", "content": f"said {n}/{p}", "hidden": 0}
        | {"status": "COMPLETED", "edited_version": 3 if p == 5 else 0}
        | times
        for n in range(30)
        for p in range(20)
    ]
    messages[19] |= {"status": "STREAMING", "role": "ASSISTANT", "content": "half a rep"}
    run = {"conversation_id": key(2, 0), "started": 40, "message_id": key(3, 19), "start_offset": 0}
    runs = [run | {"status": "STREAMING", "writer": "host:1:w_1", "lease_until": THEN}]
    return {"characters": characters, "conversations": conversations, "messages": messages, "runs": runs}


def old_requests() -> list[dict[str, Any]]:
    now = datetime.now(UTC).replace(tzinfo=None)
    return [
        {"scope": scope, "key": name, "digest": "d", "result": json.dumps(result), "created_at": str(now - age)}
        for scope, name, result, age in (
            ("local", "young", {"character_id": f"char_{key(1, 0)}"}, timedelta(hours=47)),
            (f"conv_{key(2, 0)}", "young", {"message": None}, timedelta(hours=1)),
            ("local", "old", {}, timedelta(hours=49)),
        )
    ]


def insert(path: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    with closing(sqlite3.connect(path)) as file:
        for table, rows in tables.items():
            columns = ", ".join(rows[0])
            places = ", ".join(f":{name}" for name in rows[0])
            file.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)
        file.commit()


def dump(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as file:
        file.row_factory = sqlite3.Row
        rows = [dict(row) for row in file.execute(f"SELECT * FROM {table}")]
    return sorted(rows, key=str)


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[Database]:
    """Give a database as the version before left it."""
    path = tmp_path / "old.db"
    database = Database(f"sqlite+aiosqlite:///{path}")

    async def work(session: AsyncSession) -> None:
        await (await session.connection()).run_sync(upgrade, "0002")

    await database.write(everyone(), work)
    insert(path, old_rows() | {"requests": old_requests()})
    yield database
    await database.close()


async def test_every_row_is_kept_and_gets_an_owner(old: Database) -> None:
    path = Path(str(old.url.database))
    before = {table: dump(path, table) for table in ("characters", "conversations", "messages", "runs")}
    assert await old.migrate() is False
    for table, rows in before.items():
        after = dump(path, table)
        kept = [{name: row[name] for name in rows[0].keys() - GONE - {"name_folded"}} for row in rows]
        assert sorted(kept, key=str) == sorted(
            ({name: row[name] for name in kept[0]} for row in after), key=str
        ), table
    with closing(sqlite3.connect(path)) as file:
        owner = LOCAL_OWNER.partition("_")[2]
        for table in OWNED:
            assert file.execute(f"SELECT count(*) FROM {table} WHERE owner <> ?", (owner,)).fetchone() == (0,), (
                table
            )
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        assert file.execute("SELECT count(*) FROM messages").fetchone() == (600,)


async def test_names_are_folded_anew_and_conversations_counted(old: Database) -> None:
    await old.migrate()
    async with old.read(LOCAL_OWNER) as session:
        rows = list(await session.scalars(select(Character).order_by(Character.id)))
    assert [(row.name_folded, row.conversation_count) for row in rows] == [("ada", 15), ("bob", 15)]
    assert all(row.name_folded == checking.fold(row.name) for row in rows)


async def test_keys_that_have_not_expired_are_kept(old: Database) -> None:
    await old.migrate()
    async with old.read(LOCAL_OWNER) as session:
        keys = list(await session.scalars(select(IdempotencyKey)))
    assert {(one.kind, one.parent_id, one.key) for one in keys} == {
        ("", "", "young"),
        ("", f"conv_{key(2, 0)}", "young"),
    }
    assert {"character_id": f"char_{key(1, 0)}"} in [one.result for one in keys]


async def test_a_reply_that_was_running_ends_as_interrupted_with_its_text(old: Database) -> None:
    await old.migrate()
    settings = Settings(_env_file=None, database_url=str(old.url), engine="builtin")
    async with opened(settings, old, TestEngine()) as services:
        await check_interrupted(services)


async def check_interrupted(services: Services) -> None:
    [found] = await services.messages.by_ids(LOCAL_OWNER, [f"msg_{key(3, 19)}"])
    assert found is not None
    assert (found.message.content, found.message.status) == ("half a rep", Status.INTERRUPTED)
    [character] = await services.characters.by_ids(LOCAL_OWNER, [f"char_{key(1, 0)}"])
    assert character is not None
