"""What goes to SQLite's driver directly is read and stored as SQLAlchemy reads and stores it."""

import asyncio
import importlib
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from models import (
    LOCAL_OWNER,
    Base,
    Character,
    Conversation,
    Database,
    Message,
    Prepared,
    PreparedInsert,
    Run,
    everyone,
    new_key,
    now,
    read_together,
    store_changes,
)
from models.sqlite_connections import OneHopConnection
from services import Services
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from tests.support.makers import TestEngine, make_history, until
from tests.support.odd_rows import make_odd
from tests.support.statements import a_row

pytestmark = pytest.mark.sqlite

MODULES = ("heads", "locking", "runs", "tree", "replies.prompts", "search.texts", "streaming.rows")


def statements(kind: type) -> dict[str, Any]:
    """Return the prepared statements of the services, by their names."""
    modules = [importlib.import_module(f"services.{name}") for name in MODULES]
    return {
        f"{module.__name__}.{name}": one
        for module in modules
        for name, one in vars(module).items()
        if isinstance(one, kind)
    }


SELECTS = {name: one for name, one in statements(Prepared).items() if one._for_everyone.is_select}


def shown(value: Any) -> Any:
    """Return a row of a mapped class as its values, and any other value as it is."""
    if isinstance(value, Base):
        return type(value), {one.key: getattr(value, one.key) for one in inspect(type(value)).column_attrs}
    return value


@pytest.fixture
async def conversations(services: Services, database: Database, engine: TestEngine) -> list[str]:
    made = [(await make_history(services, *["Hello", "Hi"] * 3)).id for _ in range(12)]
    for number, id in enumerate(made):
        engine.answer(f"Reply {number}.")
        await services.replies.send(LOCAL_OWNER, id, "Go", None, ReplyOptions(ReplyMode.WAIT))
    for id, page in zip(
        made, await services.messages.path_pages(LOCAL_OWNER, made, PageArguments(1)), strict=True
    ):
        await services.messages.edit(LOCAL_OWNER, page.nodes[0].id, "Edited.")
        await services.replies.send(LOCAL_OWNER, id, "Go on", None, ReplyOptions(ReplyMode.BACKGROUND))
    await make_odd(database, 7)
    return [*made, new_key("conv")]


@pytest.mark.parametrize("name", SELECTS)
async def test_a_select_finds_what_sqlalchemy_finds(
    name: str, database: Database, conversations: list[str]
) -> None:
    statement, found = SELECTS[name], []
    async with database.read(LOCAL_OWNER) as session:
        last = await session.scalar(select(func.max(Run.started)))
    for id in conversations:
        values = {"conversation": id, "version": 2, "first": 0, "end": 5, "started_at": last}
        taken = {one: values[one] for one in statement._for_everyone.compile().params if one in values}

        async def write(session: AsyncSession, taken: dict[str, Any] = taken) -> list[Any]:
            return list(await statement.rows(session, **taken))

        directly = await database.write(LOCAL_OWNER, write)
        [without_session] = await read_together(database, LOCAL_OWNER, (statement, taken))
        async with database.snapshot(LOCAL_OWNER) as session:
            expected = list(await statement.rows(session, **taken))
        for rows in (directly, without_session):
            assert [row._fields for row in rows] == [row._fields for row in expected]
            assert [list(map(shown, row)) for row in rows] == [list(map(shown, row)) for row in expected]
        found += expected
    assert found


STORED: dict[type[Any], dict[str, Any]] = {
    Message: {"content": "é", "edited_at": now(), "extra": {"a": [1.5, None]}, "usage": None, "hidden": True},
    Conversation: {"title": "x", "topic": None, "message_count": 7, "updated_at": now()},
    Run: {"ended": 99, "status": "FAILED", "model": "m", "stop_wanted": True},
}


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
async def test_changes_are_stored_as_the_unit_of_work_stores_them(
    kind: type[Any], database: Database, conversations: list[str]
) -> None:
    async def change(session: AsyncSession, store: Callable[[AsyncSession], Any]) -> list[Any]:
        found = [row for row in await session.scalars(select(kind)) if getattr(row, "ended", 0) is not None]
        for row in found:
            for name, value in STORED[kind].items():
                setattr(row, name, value)
        await store(session)
        table = await session.execute(text(f"SELECT * FROM {kind.__tablename__} ORDER BY rowid"))
        return [tuple(row) for row in table]

    async def tried(store: Callable[[AsyncSession], Any]) -> list[Any]:
        async def work(session: AsyncSession) -> None:
            raise Tried(await change(session, store))

        with pytest.raises(Tried) as error:
            await database.write(everyone(), work)
        return error.value.rows

    before = await tried(_nothing)
    expected = await tried(AsyncSession.flush)
    assert await tried(store_changes) == expected != before


class Tried(Exception):
    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows


async def _nothing(session: AsyncSession) -> None:
    session.expunge_all()


async def test_a_row_that_is_stored_already_is_refused_by_the_commit(
    database: Database, conversations: list[str]
) -> None:
    stored = statements(PreparedInsert)["services.runs._STORE"]
    run: dict[str, Any] = {
        "conversation_id": conversations[0],
        "started": 2,
        "message_id": new_key("msg"),
        "start_offset": 0,
    }

    async def work(session: AsyncSession) -> None:
        await stored.store(session, [{**run, "writer": "w"}])

    with pytest.raises(IntegrityError) as error:
        await database.write(LOCAL_OWNER, work)
    # Values may be what people wrote, and errors are logged.
    assert run["message_id"].partition("_")[2] not in str(error.value)
    await database.write(everyone(), nothing)


async def cancelled(database: Database, writing: asyncio.Task[Any]) -> None:
    """Cancel a write itself, not only its caller, as the end of the event loop does."""
    for task in database._tasks:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


async def nothing(session: AsyncSession) -> None:
    await session.execute(text("SELECT 1"))


async def test_a_statement_of_sqlalchemys_may_be_cancelled(database: Database) -> None:
    begun = asyncio.Event()

    async def work(session: AsyncSession) -> None:
        numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000000)"
        begun.set()
        await session.execute(text(f"{numbers} SELECT max(x) FROM n"))

    writing = asyncio.create_task(database.write(everyone(), work))
    await begun.wait()
    await asyncio.sleep(0.01)
    await cancelled(database, writing)
    await database.write(everyone(), nothing)


async def test_a_commit_that_is_cancelled_stores_all(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end, commit = threading.Event(), threading.Event(), OneHopConnection._commit
    store, counted = PreparedInsert(Character).store, Prepared(select(func.count(Character.id)))

    def slow(connection: OneHopConnection) -> None:
        begun.set()
        may_end.wait(10)
        commit(connection)

    async def work(session: AsyncSession) -> None:
        await store(session, [a_row()])
        # The first one is stored with this, the second one with the commit.
        assert (await counted.rows(session)).scalar_one() == 1
        await store(session, [a_row()])

    monkeypatch.setattr(OneHopConnection, "_commit", slow)
    writing = asyncio.create_task(database.write(LOCAL_OWNER, work))
    await asyncio.to_thread(begun.wait, 10)
    await cancelled(database, writing)
    may_end.set()
    await database.write(everyone(), nothing)
    async with database.read(LOCAL_OWNER) as session:
        assert await session.scalar(select(func.count(Character.id))) == 2


async def test_a_beginning_that_is_cancelled_holds_no_lock(database: Database) -> None:
    await database.write(everyone(), nothing)
    with closing(sqlite3.connect(str(database.url.database), isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.write(everyone(), nothing))
        await until(lambda: database.connections_in_use()["writes"])
        await asyncio.sleep(0.05)
        await cancelled(database, writing)
        other.execute("ROLLBACK")
        await database.write(everyone(), nothing)
        other.execute("BEGIN IMMEDIATE")


async def test_a_reader_without_a_connection_leaves_it_to_a_session(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise PoolTimeoutError

    monkeypatch.setattr(AsyncEngine, "connect", refused)
    asked = SELECTS["services.streaming.rows._CONVERSATION"], {"conversation": new_key("conv")}
    assert await read_together(database, LOCAL_OWNER, asked) == [[]]


async def test_statements_that_are_read_together_see_one_state_in_one_hop(
    database: Database, conversations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hops: list[object] = []
    execute = aiosqlite.Connection._execute

    async def noted(connection: aiosqlite.Connection, act: Callable[..., Any], *rest: Any) -> Any:
        hops.append(act)
        return await execute(connection, act, *rest)

    asked = SELECTS["services.streaming.rows._CONVERSATION"], {"conversation": conversations[0]}
    await read_together(database, LOCAL_OWNER, asked)
    monkeypatch.setattr(aiosqlite.Connection, "_execute", noted)
    first, second = await read_together(database, LOCAL_OWNER, asked, asked)
    assert len(hops) == 1
    assert shown(first[0][0]) == shown(second[0][0])


async def test_what_the_reader_cannot_read_a_session_does(
    database: Database, conversations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = SELECTS["services.streaming.rows._CONVERSATION"], {"conversation": conversations[0]}
    [[expected]] = await read_together(database, LOCAL_OWNER, asked)

    async def refused(*_: object) -> None:
        raise sqlite3.DataError("string or blob too big")

    monkeypatch.setattr(OneHopConnection, "rows", refused)
    [[found]] = await read_together(database, LOCAL_OWNER, asked)
    assert shown(found[0]) == shown(expected[0])
