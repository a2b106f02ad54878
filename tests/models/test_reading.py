"""How much one statement reads at the most, before all of it is in memory."""

import pytest
from sqlalchemy import select

from models import LOCAL_OWNER, Database, Message, ReadTooLarge, everyone
from services import Services
from services.settings import Settings
from tests.support.makers import make_history

LIMIT = 50_000
# Recursive, so that its rows would be many if they were all fetched.
MANY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
    "SELECT CAST(i AS VARCHAR) FROM n"
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_answer": LIMIT})


async def test_a_statement_stops_where_it_has_read_too_much(database: Database) -> None:
    async with database.read(everyone()) as session:
        with pytest.raises(ReadTooLarge) as raised:
            await (await session.connection()).exec_driver_sql(MANY)
        assert raised.value.limit == LIMIT
    # Whoever reads next has a connection that is as good as before.
    async with database.read(everyone()) as session:
        assert (await session.execute(select(Message.id))).all() == []


async def test_a_snapshot_may_read_any_amount(database: Database, services: Services) -> None:
    await make_history(services, *["x" * 10_000] * 6)
    query = select(Message.content)
    async with database.snapshot(LOCAL_OWNER) as session:
        assert len((await session.execute(query)).all()) == 6
    async with database.read(LOCAL_OWNER) as session:
        with pytest.raises(ReadTooLarge):
            await session.execute(query)


@pytest.mark.sqlite
async def test_the_reader_makes_no_longer_value(database: Database) -> None:
    assert database.reader is not None
    assert await database.reader.values([("SELECT length(hex(zeroblob(20000)))", {})]) == [40_000]
    with pytest.raises(ReadTooLarge):
        await database.reader.values([("SELECT hex(zeroblob(30000))", {})])


async def test_a_chat_history_is_not_read_beyond_that(services: Services) -> None:
    short = await make_history(services, *["x" * 10_000] * 4)
    long = await make_history(services, *["x" * 10_000] * 6)
    assert len((await services.chat_histories.of_conversations(LOCAL_OWNER, [short.id]))[0]) == 4
    with pytest.raises(ReadTooLarge):
        await services.chat_histories.of_conversations(LOCAL_OWNER, [long.id])
