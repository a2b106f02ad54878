"""Messages from before the search are indexed while the server runs, and from where it was left."""

import asyncio
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import LOCAL_OWNER, Database, everyone
from models.migrations import upgrade
from services import Services
from services.paging import PageArguments
from services.search import filling
from services.settings import Settings
from tests.support.crowd import lengthen
from tests.support.makers import make_character, make_history, until
from tests.support.owners import without_housekeeping
from tests.support.processes import ROOT, environment, started

pytestmark = pytest.mark.sqlite

COUNT = 8_000

SEARCH = 'query($after: String) { searchMessages(query: "x", first: 100, after: $after) { isComplete } }'


def path_of(database: Database) -> Path:
    return Path(str(database.url.database))


def forget(path: Path) -> None:
    """Leaves the database as the migration leaves one that had messages."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("DELETE FROM message_texts")
        file.execute("INSERT OR IGNORE INTO text_fillings VALUES (?)", ("f" * 32,))
        file.commit()


def texts(path: Path) -> list[str]:
    """Returns the ids of the messages that have a text, oldest first."""
    with closing(sqlite3.connect(path)) as file:
        return [id for (id,) in file.execute("SELECT message_id FROM message_texts ORDER BY number")]


async def found(services: Services, query: str) -> tuple[int, bool]:
    finds = await services.search.messages(LOCAL_OWNER, query, None, None, PageArguments(first=100))
    return len(finds.found), finds.is_complete


@pytest.fixture
async def old(settings: Settings, database: Database) -> Services:
    """Services over a database whose messages were stored before there was a search."""
    services = without_housekeeping(settings, database)
    conversation = await make_history(services, "Old words")
    lengthen(path_of(database), conversation.id, COUNT)
    forget(path_of(database))
    return services


async def test_the_migration_marks_what_is_missing(tmp_path: Path) -> None:
    for has_messages in (False, True):
        database = Database(f"sqlite+aiosqlite:///{tmp_path}/{has_messages}.db")

        async def work(session: AsyncSession) -> None:
            await (await session.connection()).run_sync(upgrade, "0003")

        await database.write(everyone(), work)
        if has_messages:
            with closing(sqlite3.connect(path_of(database))) as file:
                insert_message(file)
        await database.migrate()
        async with database.read(everyone()) as session:
            assert await filling.is_complete(session) is not has_messages
        await filling.fill_all(database)
        assert len(texts(path_of(database))) == has_messages
        await database.close()


def insert_message(file: sqlite3.Connection) -> None:
    columns = (
        "id, owner, conversation_id, position, active, selected, role, content, status, edited_version, updated_at"
    )
    row = (
        "1" * 32,
        LOCAL_OWNER[5:],
        "2" * 32,
        0,
        1,
        1,
        "USER",
        "Old",
        "COMPLETED",
        0,
        "2025-01-01 00:00:00.000000",
    )
    file.execute(f"INSERT INTO messages ({columns}) VALUES ({', '.join('?' * len(row))})", row)
    file.commit()


async def test_old_messages_are_older_than_what_is_sent_meanwhile(old: Services, database: Database) -> None:
    assert await found(old, "old words") == (0, False)
    await make_history(old, "New words", character=await make_character(old))
    assert await found(old, "words") == (1, False)
    looked_at: list[int] = []
    await filling.fill_all(database, looked_at.append)
    assert (sum(looked_at), max(looked_at)) == (COUNT + 1, filling.BATCH)
    assert await found(old, "words") == (2, True)
    with closing(sqlite3.connect(path_of(database))) as file:
        new = file.execute("SELECT message_id FROM message_texts WHERE folded = 'new words'").fetchone()
    assert texts(path_of(database))[-1] == new[0]
    before = texts(path_of(database))[:-1]
    assert before == sorted(before)


async def test_a_message_that_changes_while_it_is_missing_is_found_by_its_new_text(
    old: Services, database: Database
) -> None:
    conversations = await make_history(old, "Edit me")
    forget(path_of(database))
    [message] = (await old.messages.path_page(LOCAL_OWNER, conversations.id, PageArguments(last=1))).nodes
    await old.messages.edit(LOCAL_OWNER, message.id, "It was edited")
    await filling.fill_all(database)
    assert await found(old, "edited") == (1, True)
    assert await found(old, "edit me") == (0, True)


async def test_a_killed_migration_goes_on_where_it_was(old: Services, database: Database) -> None:
    path = path_of(database)
    await database.close()
    command = (sys.executable, "app.py", "migrate")
    url = {"DATABASE_URL": f"sqlite+aiosqlite:///{path}"}
    killed = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment(path.parent, **url))
    await until(lambda: bool(texts(path)), patience=60)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    part = texts(path)
    assert 0 < len(part) < COUNT
    again = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment(path.parent, **url), stdout=asyncio.subprocess.PIPE
    )
    await again.communicate()
    assert again.returncode == 0
    assert texts(path)[-len(part) :] == part
    assert len(texts(path)) == len(set(texts(path))) == COUNT
    assert texts(path) == sorted(texts(path))


async def test_a_server_starts_with_an_index_that_is_being_built(
    old: Services, database: Database, tmp_path: Path
) -> None:
    await database.close()
    url = f"sqlite+aiosqlite:///{path_of(database)}"
    async with started(tmp_path, DATABASE_URL=url) as (_, client):
        answer = await client.run(SEARCH)
        assert answer["searchMessages"]["isComplete"] is False

        async def is_complete() -> bool:
            return bool((await client.run(SEARCH))["searchMessages"]["isComplete"])

        await until(is_complete, patience=60)
    assert len(texts(path_of(database))) == COUNT
