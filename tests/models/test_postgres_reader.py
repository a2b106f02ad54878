"""Plain reads past SQLAlchemy: what becomes of their connections. Runs with --database=postgresql."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from models import Database, everyone
from models.postgres_reader import PostgreSQLReader
from models.readers import ReaderAway, TooDeep
from tests.support import postgres
from tests.support.makers import until

pytestmark = pytest.mark.postgresql

LIMIT = 50_000
# A statement that does not end by itself.
SLEEP = ("SELECT CAST(pg_sleep(600) AS text)", ())
PID = ("SELECT pg_backend_pid()", ())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, LIMIT)
    yield database
    await database.close()


@pytest.fixture
def reader(database: Database) -> PostgreSQLReader:
    assert isinstance(database.reader, PostgreSQLReader)
    return database.reader


async def until_asleep(database: Database, count: int) -> None:
    """Waits until so many statements sleep."""
    query = "SELECT count(*) = $2 FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'"
    async with postgres.connected() as server:

        async def is_so() -> bool:
            return bool(await server.fetchval(query, database.url.database, count))

        await until(is_so)


async def sleeping(reader: PostgreSQLReader, database: Database) -> "asyncio.Task[Any]":
    task = asyncio.create_task(reader.values([SLEEP]))
    await until_asleep(database, 1)
    return task


def in_use(database: Database) -> int:
    return cast(QueuePool, database.engines[0].pool).checkedout()


async def test_a_read_that_is_cancelled_ends_and_leaves_no_broken_connection(
    reader: PostgreSQLReader, database: Database
) -> None:
    [before] = await reader.values([PID])
    task = await sleeping(reader, database)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert in_use(database) == 0
    await until_asleep(database, 0)
    assert await reader.values([PID]) != [before]


async def test_a_connection_that_is_lost_during_a_read_is_replaced(
    reader: PostgreSQLReader, database: Database
) -> None:
    task = await sleeping(reader, database)
    await postgres.cut(database)
    with pytest.raises(ReaderAway):
        await task
    assert in_use(database) == 0
    assert await reader.values([("SELECT 1", ())]) == [1]


async def test_a_database_that_is_away_is_no_fault() -> None:
    # Nobody listens on this port.
    database = Database("postgresql://postgres@127.0.0.1:9/nothing")
    assert database.reader is not None
    with pytest.raises(ReaderAway):
        await database.reader.values([PID])
    await database.close()


async def test_what_is_too_deep_for_the_server_is_told_from_other_errors(reader: PostgreSQLReader) -> None:
    [before] = await reader.values([PID])
    with pytest.raises(TooDeep):
        await reader.values([(f"SELECT {'1 + ' * 50_000} 1", ())])
    # Nothing is wrong with the connection.
    assert await reader.values([PID]) == [before]


async def test_a_read_is_not_counted_with_what_a_session_read_before(
    reader: PostgreSQLReader, database: Database
) -> None:
    async with database.read(everyone()) as session:
        size, pid = (await session.execute(text("SELECT repeat('x', 40000), pg_backend_pid()"))).one()
    value = "SELECT repeat('y', 40000) || pg_backend_pid()"
    assert await reader.values([(value, ())]) == ["y" * len(size) + str(pid)]
