"""What the database itself promises, whoever asks."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    LOCAL_OWNER,
    Base,
    Character,
    Conversation,
    Database,
    Message,
    Role,
    TitleSource,
    everyone,
    new_key,
)
from models.migrations import HEAD, config, is_declared
from tests.support.database import store


def character(**fields: object) -> Character:
    return Character(name="Ada", name_folded="ada", extra={}, **fields)


def conversation(of: Character) -> Conversation:
    return Conversation(
        id=new_key("conv"),
        character_id=of.id,
        title="T",
        title_folded="t",
        title_source=TitleSource.USER,
        message_count=0,
    )


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": False, "include_name": is_declared})
    return compare_metadata(context, Base.metadata)


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    async def work(session: AsyncSession) -> list[object]:
        return await (await session.connection()).run_sync(differences)

    assert await database.write(everyone(), work) == []


def test_the_migrations_have_one_head_and_rebuild_no_table() -> None:
    scripts = ScriptDirectory.from_config(config())
    assert scripts.get_heads() == [HEAD]
    later = [script.module.__file__ for script in scripts.walk_revisions() if script.revision > "0002"]
    assert [path for path in later if "batch_alter_table" in Path(str(path)).read_text()] == []


async def test_migrating_twice_changes_nothing_and_says_so(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/new/folder/test.db")
    assert await database.migrate() is True
    assert await database.migrate() is False
    await database.close()


async def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    async def fail_in_the_middle(session: AsyncSession) -> None:
        session.add(character())
        await session.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(LOCAL_OWNER, fail_in_the_middle)
    async with database.read(everyone()) as session:
        assert await session.scalar(text("SELECT count(*) FROM characters")) == 0


async def test_two_active_messages_cannot_share_a_position(database: Database) -> None:
    ada = character(id=new_key("char"))
    talk = conversation(ada)
    await store(database, ada, talk, owner=LOCAL_OWNER)
    await store(database, Message(conversation_id=talk.id, position=0, role=Role.USER), owner=LOCAL_OWNER)
    with pytest.raises(IntegrityError):
        await store(database, Message(conversation_id=talk.id, position=0, role=Role.USER), owner=LOCAL_OWNER)


async def test_a_snapshot_sees_one_state(database: Database) -> None:
    async with database.snapshot(everyone()) as reading:
        count = text("SELECT count(*) FROM characters")
        assert await reading.scalar(count) == 0
        await store(database, character(), owner=LOCAL_OWNER)
        assert await reading.scalar(count) == 0
    async with database.read(everyone()) as session:
        assert await session.scalar(count) == 1


async def test_moments_come_back_aware_and_in_utc(database: Database) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone(timedelta(hours=3)))
    ada = character(created_at=moment)
    await store(database, ada, owner=LOCAL_OWNER)
    async with database.read(everyone()) as session:
        found = await session.get_one(Character, ada.id)
    assert (found.created_at, found.created_at.tzinfo) == (moment, UTC)


@pytest.mark.sqlite
async def test_settings_of_the_file_are_the_safe_ones(database: Database) -> None:
    async with database.read(everyone()) as session:
        pragmas = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        values = [await session.scalar(text(f"PRAGMA {name}")) for name in pragmas]
    assert values == ["wal", 1, 2, 10_000]


@pytest.mark.sqlite
async def test_vacuum_into_makes_a_copy_while_it_runs(database: Database, tmp_path: Path) -> None:
    await store(database, character(), owner=LOCAL_OWNER)
    source = sqlite3.connect(str(database.url.database))
    source.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    source.close()
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT count(*) FROM characters").fetchone() == (1,)
    copy.close()


def test_ids_sort_in_the_order_they_were_made() -> None:
    ids = [new_key("msg") for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 10_000
    assert all(id[4 + 12] == "7" and id[4 + 16] in "89ab" for id in ids)


@pytest.mark.parametrize(
    "id", ["", "char_", "nonsense", "conv_" + "0" * 32, "char_" + "0" * 32, "char_" + "G" * 32]
)
async def test_a_malformed_id_matches_no_row(id: str, database: Database) -> None:
    await store(database, character(), owner=LOCAL_OWNER)
    async with database.read(everyone()) as session:
        assert await session.get(Character, id) is None
