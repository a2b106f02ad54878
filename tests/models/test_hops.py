"""How often SQLite's thread is waited for: changes go there together, and nobody waits for a rollback."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import LOCAL_OWNER, Character, Database, everyone, new_key
from tests.support.makers import until

pytestmark = pytest.mark.sqlite


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was waited for."""
    made: list[object] = []
    execute = aiosqlite.Connection._execute

    async def noted(connection: aiosqlite.Connection, act: Callable[..., Any], *rest: Any, **more: Any) -> Any:
        made.append(act)
        return await execute(connection, act, *rest, **more)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", noted)
    return made


def character(name: str) -> dict[str, Any]:
    return {"id": new_key("char"), "name": name, "name_folded": name.lower(), "extra": {}, "owner": LOCAL_OWNER}


async def names(session: AsyncSession) -> list[str]:
    return list(await session.scalars(select(Character.name).order_by(Character.name)))


async def test_changes_go_to_the_thread_with_the_commit(database: Database, hops: list[object]) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(insert(Character), [character("Ada"), character("Bob")])
        await session.execute(update(Character).where(Character.name == "Bob").values(name="Bea"))
        session.add(Character(**character("Cleo")))
        await session.flush()
        await session.execute(delete(Character).where(Character.name == "Ada"))

    await database.write(everyone(), work)
    hops.clear()
    await database.write(everyone(), work)
    assert len(hops) == 2
    async with database.read(everyone()) as session:
        assert await names(session) == ["Bea", "Bea", "Cleo", "Cleo"]


async def test_what_is_read_next_sees_every_change(database: Database) -> None:
    seen = []

    async def work(session: AsyncSession) -> None:
        for number in range(40):
            await session.execute(insert(Character), [character(f"{number:02}")])
            if number % 20 == 19:
                seen.append(await session.scalar(select(func.count(Character.id))))

    await database.write(everyone(), work)
    assert seen == [20, 40]


async def test_a_change_that_the_commit_refuses_leaves_nothing_behind(database: Database) -> None:
    ada = character("Ada")

    async def twice(session: AsyncSession) -> None:
        await session.execute(insert(Character), [ada])
        await session.execute(insert(Character), [ada])

    async def once(session: AsyncSession) -> None:
        await session.execute(insert(Character), [ada])

    with pytest.raises(IntegrityError):
        await database.write(everyone(), twice)
    await database.write(everyone(), once)
    async with database.read(everyone()) as session:
        assert await names(session) == ["Ada"]


async def test_work_that_goes_on_after_a_refused_change_cannot_be_committed(database: Database) -> None:
    ada = character("Ada")

    async def work(session: AsyncSession) -> None:
        await session.execute(insert(Character), [ada])
        await session.execute(insert(Character), [ada])
        await session.execute(insert(Character), [character("Bob")])
        with suppress(IntegrityError):
            await names(session)

    with pytest.raises(IntegrityError):
        await database.write(everyone(), work)
    async with database.read(everyone()) as session:
        assert await names(session) == []


async def test_a_change_of_work_that_fails_is_forgotten(database: Database) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(insert(Character), [character("Ada")])
        raise KeyError

    async def nothing(session: AsyncSession) -> None:
        pass

    with pytest.raises(KeyError):
        await database.write(everyone(), work)
    await database.write(everyone(), nothing)
    async with database.read(everyone()) as session:
        assert await names(session) == []


async def test_a_snapshot_waits_for_its_queries_only_and_keeps_no_state(
    database: Database, hops: list[object]
) -> None:
    for _ in range(2):
        hops.clear()
        async with database.snapshot(everyone()) as session:
            await names(session)
            await names(session)
    assert len(hops) == 2

    def is_held() -> bool:
        # A state that somebody still reads cannot be moved out of the log.
        with closing(sqlite3.connect(str(database.url.database))) as other:
            return bool(other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])

    await until(lambda: not is_held())
