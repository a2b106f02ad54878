"""The one way to write: whole or not at all, whoever leaves and whatever waits."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, make_url, select
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from models import LOCAL_OWNER, Character, Database, Unavailable, after_commit, everyone, new_key
from models.postgres import PostgreSQL, asyncpg_url
from models.sqlite import READERS, SQLite
from tests.support.makers import until


async def add_character(session: AsyncSession, *_: object) -> str:
    ada = Character(id=new_key("char"), name="Ada", name_folded="ada", extra={})
    session.add(ada)
    await session.flush()
    return ada.id


async def count(database: Database) -> int:
    async with database.read(everyone()) as session:
        return await session.scalar(select(func.count(Character.id))) or 0


@contextmanager
def locked_by_another(database: Database) -> Iterator[sqlite3.Connection]:
    """Hold the write lock, as another process would."""
    with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def busy() -> OperationalError:
    """Return the error that SQLAlchemy makes of SQLite's refusal."""
    refusal = sqlite3.OperationalError("database is locked")
    refusal.sqlite_errorname = "SQLITE_BUSY"
    return OperationalError("UPDATE", {}, refusal)


async def test_a_write_goes_on_and_tells_although_its_caller_leaves(database: Database) -> None:
    told: list[str] = []
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def work(session: AsyncSession) -> None:
        await add_character(session)
        after_commit(session, lambda: told.append("done"))
        reached.set()
        await go_on.wait()

    caller = asyncio.create_task(database.write(LOCAL_OWNER, work))
    await reached.wait()
    caller.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()
    assert told == []
    go_on.set()
    await until(lambda: told)
    assert await count(database) == 1


async def test_a_write_that_has_not_begun_when_its_caller_leaves_is_dropped(database: Database) -> None:
    go_on = asyncio.Event()

    async def first(session: AsyncSession) -> None:
        await go_on.wait()

    holder = asyncio.create_task(database.write(LOCAL_OWNER, first))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(database.write(LOCAL_OWNER, add_character))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    go_on.set()
    await holder
    await database.write(LOCAL_OWNER, add_character)
    assert await count(database) == 1


async def test_nothing_follows_a_write_that_was_not_committed(database: Database) -> None:
    told: list[str] = []

    async def work(session: AsyncSession) -> None:
        after_commit(session, lambda: told.append("told"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(LOCAL_OWNER, work)
    await database.write(LOCAL_OWNER, add_character)
    assert told == []


async def test_what_follows_a_commit_is_done_before_the_next_write_begins(database: Database) -> None:
    order: list[str] = []

    async def first(session: AsyncSession) -> None:
        after_commit(session, lambda: order.append("followed"))

    async def second(session: AsyncSession) -> None:
        order.append("next")

    await asyncio.gather(database.write(LOCAL_OWNER, first), database.write(LOCAL_OWNER, second))
    assert order == ["followed", "next"]


async def test_a_failing_follower_keeps_no_other_from_being_called(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    async def work(session: AsyncSession) -> None:
        after_commit(session, lambda: 1 / 0)
        after_commit(session, lambda: told.append("told"))

    await database.write(LOCAL_OWNER, work)
    assert told == ["told"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(("failures", "stored"), [(2, 1), (3, 0)])
@pytest.mark.sqlite
async def test_a_transaction_is_tried_three_times_each_time_anew(
    failures: int, stored: int, database: Database
) -> None:
    sessions: list[AsyncSession] = []
    told: list[int] = []

    async def work(session: AsyncSession) -> None:
        sessions.append(session)
        await add_character(session)
        after_commit(session, lambda: told.append(len(sessions)))
        if len(sessions) <= failures:
            raise busy()

    done = await asyncio.gather(database.write(LOCAL_OWNER, work), return_exceptions=True)
    assert isinstance(done[0], Unavailable) is (stored == 0)
    assert len({id(session) for session in sessions}) == len(sessions) == 3
    assert told == [3] * stored
    assert await count(database) == stored


@pytest.mark.sqlite
async def test_a_commit_that_was_sent_is_never_repeated(database: Database) -> None:
    tries: list[AsyncSession] = []

    async def work(session: AsyncSession) -> None:
        tries.append(session)
        await add_character(session)

    def refuse(_: Any) -> None:
        raise busy()

    begun: list[str] = []
    writer = database.engines[1].sync_engine
    event.listen(writer, "commit", refuse)
    event.listen(writer, "before_cursor_execute", lambda *args: begun.append(args[2]))
    with pytest.raises(OperationalError):
        await database.write(LOCAL_OWNER, work)
    assert len(tries) == sum(one.startswith("BEGIN") for one in begun) == 1


def test_only_what_the_database_asks_to_repeat_is_repeated() -> None:
    def error(**told: str) -> OperationalError:
        refusal = type(told.pop("name", "DatabaseError"), (Exception,), told)()
        return OperationalError("UPDATE", {}, refusal)

    postgresql = PostgreSQL(make_url("postgresql://127.0.0.1/repartee"), max_read=1)
    sqlite = SQLite(make_url("sqlite+aiosqlite:///test.db"), max_read=1)
    for state in ("40001", "40P01", "55P03"):
        assert postgresql.is_transient(error(sqlstate=state))
    assert postgresql.is_transient(error(name="InvalidCachedStatementError"))
    assert sqlite.is_transient(busy())
    for other in (error(sqlstate="23505"), error(sqlite_errorname="SQLITE_FULL"), error()):
        assert not postgresql.is_transient(other)
        assert not sqlite.is_transient(other)


@pytest.mark.sqlite
async def test_the_wait_for_another_process_is_limited_and_harmless(database: Database) -> None:
    with locked_by_another(database):
        with pytest.raises(Unavailable) as refusal:
            await database.write(LOCAL_OWNER, add_character, timeout=0.2)
        assert refusal.value.retry_after_seconds > 0
        assert await count(database) == 0
    await database.write(LOCAL_OWNER, add_character)
    assert await count(database) == 1


@pytest.mark.sqlite
async def test_a_reply_waits_on_for_another_process(database: Database) -> None:
    with locked_by_another(database) as other:
        waiting = asyncio.create_task(database.write(LOCAL_OWNER, add_character, timeout=None))
        behind = asyncio.create_task(database.write(LOCAL_OWNER, add_character, timeout=0.3))
        with pytest.raises(Unavailable):
            await behind
        assert not waiting.done()
        other.execute("ROLLBACK")
        await waiting
    assert await count(database) == 1


@pytest.mark.sqlite
async def test_a_caller_that_leaves_while_another_process_is_waited_for_changes_nothing(
    database: Database,
) -> None:
    with locked_by_another(database) as other:
        waiting = asyncio.create_task(database.write(LOCAL_OWNER, add_character))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])
        other.execute("ROLLBACK")
        await until(lambda: not database._tasks)
    assert await count(database) == 0


async def test_readers_that_use_up_their_connections_keep_no_writer_waiting(database: Database) -> None:
    async with asyncio.timeout(60):
        held = [database.read(LOCAL_OWNER) for _ in range(READERS)]
        for one in held:
            session = await one.__aenter__()
            await session.connection()
        await database.write(LOCAL_OWNER, add_character, timeout=1)
        with pytest.raises(Unavailable):
            await count(database)
        for one in held:
            await one.__aexit__(None, None, None)
        assert await count(database) == 1


@pytest.mark.sqlite
async def test_closing_waits_for_the_writes_that_were_begun(database: Database) -> None:
    began, path = asyncio.Event(), str(database.url.database)

    async def work(session: AsyncSession) -> None:
        await add_character(session)
        began.set()
        await asyncio.sleep(0.05)

    caller = asyncio.create_task(database.write(LOCAL_OWNER, work))
    await began.wait()
    caller.cancel()
    await database.close()
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM characters").fetchone() == (1,)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite+aiosqlite://", "name a file"),
        ("sqlite+aiosqlite:///:memory:", "name a file"),
        ("sqlite+pysqlite:///test.db", r"sqlite\+pysqlite is not supported; use sqlite\+aiosqlite"),
        ("mysql://localhost/test", "mysql is not supported"),
        ("postgresql+psycopg://localhost/test", "psycopg is not supported"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused(url: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        Database(url)


@pytest.mark.parametrize("given", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"])
def test_every_usual_form_of_a_url_of_postgresql_is_taken(given: str) -> None:
    assert asyncpg_url(make_url(given)).render_as_string(False) == "postgresql+asyncpg://u:p@h/d"
    assert asyncpg_url(make_url(given + "?sslmode=require")).query == {"ssl": "require"}
