"""What PostgreSQL promises beside what every database does. Runs with --database=postgresql."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from models import LOCAL_OWNER, Character, Database, Unavailable, everyone, new_key
from services import Services
from services.characters import CharacterOrder
from services.paging import page_arguments
from tests.support import postgres
from tests.support.makers import make_character, until
from tests.support.round_trips import RoundTrips

pytestmark = pytest.mark.postgresql


class Breaking(RoundTrips):
    """Breaks off when a client has asked so often."""

    def __init__(self, url: str, limit: int) -> None:
        self._limit, self._asked = limit, 0
        super().__init__(url)

    @property
    def count(self) -> int:
        return self._asked

    @count.setter
    def count(self, value: int) -> None:
        self._asked = value
        if value == self._limit:
            self.leave()


@pytest.fixture
async def empty() -> AsyncIterator[str]:
    """The URL of a database without tables."""
    url = await postgres.make_database("template0")
    yield url
    await postgres.drop(url.rpartition("/")[2])


async def test_several_processes_may_migrate_at_once(empty: str) -> None:
    databases = [Database(empty) for _ in range(4)]
    assert sorted(await asyncio.gather(*(one.migrate() for one in databases))) == [False, False, False, True]
    for one in databases:
        await one.close()


@pytest.mark.parametrize("limit", range(1, 13))
async def test_a_first_connection_may_be_lost_at_any_step(limit: int, database_url: str) -> None:
    async with Breaking(database_url, limit).opened() as proxy:
        database = Database(proxy.url)
        with suppress(Unavailable):
            async with database.read(everyone()) as session:
                await session.scalar(text("SELECT 1"))
        proxy.come_back()
        async with database.read(everyone()) as session:
            assert await session.scalar(text("SELECT 1")) == 1
        await database.close()


async def test_a_read_takes_one_round_trip_and_a_snapshot_sees_one_state(database: Database) -> None:
    async with database.read(everyone()) as session:
        level = await session.scalar(text("SELECT current_setting('transaction_isolation')"))
        # Each statement is a transaction of its own, which therefore takes no BEGIN and no COMMIT.
        moments = [await session.scalar(text("SELECT now()")) for _ in range(2)]
    assert level == "read committed"
    assert moments[0] < moments[1]
    async with database.snapshot(everyone()) as session:
        level = await session.scalar(text("SELECT current_setting('transaction_isolation')"))
        readonly = await session.scalar(text("SELECT current_setting('transaction_read_only')"))
        moments = [await session.scalar(text("SELECT now()")) for _ in range(2)]
    assert (level, readonly) == ("repeatable read", "on")
    assert moments[0] == moments[1]


async def test_names_are_in_the_order_of_their_bytes(services: Services) -> None:
    """The database of the tests has another order of its own, as most have."""
    for name in ("b", "ä", "Z", "a", "_"):
        await make_character(services, name)
    page = await services.characters.page(LOCAL_OWNER, CharacterOrder.NAME_ASC, None, page_arguments())
    assert [one.name for one in page.nodes] == ["_", "a", "b", "Z", "ä"]


async def test_a_database_that_is_away_is_unavailable_and_not_a_fault() -> None:
    # Nobody listens on this port.
    database = Database("postgresql://postgres@127.0.0.1:9/nothing")
    with pytest.raises(Unavailable):
        async with database.read(LOCAL_OWNER) as session:
            await session.scalars(select(Character.id))
    with pytest.raises(Unavailable):
        await database.write(LOCAL_OWNER, lambda session: session.scalars(select(Character.id)), timeout=1)
    await database.close()


async def test_connections_that_were_cut_are_replaced(services: Services, database: Database) -> None:
    """As after a restart of the server: the request that meets it fails, and the next one succeeds."""
    character = await make_character(services)
    await postgres.cut(database)
    for _ in range(25):
        try:
            [found] = await services.characters.by_ids(LOCAL_OWNER, [character.id])
            break
        except Unavailable:
            continue
    assert found is not None
    assert (await make_character(services, "Bob")).name == "Bob"


async def test_a_connection_that_the_server_has_closed_is_handed_out_to_nobody(
    services: Services, database: Database
) -> None:
    """As after a restart of the server, once it was noticed: no request fails."""
    character = await make_character(services)
    async with database.read(LOCAL_OWNER) as session:
        connection = await (await session.connection()).get_raw_connection()
        driver: Any = connection.driver_connection
    await postgres.cut(database)
    await until(driver.is_closed)
    [found] = await services.characters.by_ids(LOCAL_OWNER, [character.id])
    assert found is not None


async def test_whoever_loses_the_database_at_the_commit_is_told_that_it_may_be_done(database: Database) -> None:
    lost = type("ConnectionFailure", (Exception,), {"sqlstate": "08006"})()
    tries: list[AsyncSession] = []

    async def work(session: AsyncSession) -> None:
        tries.append(session)
        session.add(Character(id=new_key("char"), name="Ada", name_folded="ada", owner=LOCAL_OWNER))

    def lose(_: object) -> None:
        raise OperationalError("COMMIT", {}, lost)

    event.listen(database.engines[1].sync_engine, "commit", lose)
    with pytest.raises(Unavailable, match="may have"):
        await database.write(LOCAL_OWNER, work)
    assert len(tries) == 1
