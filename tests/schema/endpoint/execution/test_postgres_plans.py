"""Plans of plain reads on PostgreSQL: round trips, what crosses the wire, and lost connections."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from models import LOCAL_OWNER, Database, ReadTooLarge
from services import Services
from services.settings import Settings
from tests.benchmarks.questions import questions
from tests.support import postgres
from tests.support.makers import make_character, make_history, until
from tests.support.owners import without_housekeeping
from tests.support.plain_reads import Asking
from tests.support.round_trips import RoundTrips

pytestmark = pytest.mark.postgresql

LIMIT = 100_000
# SQL has a limit of 100 arguments for one function, and the JSON of an object is written by one.
WIDEST = " ".join(f"f{number}: name" for number in range(50))
# Ends the connections that wait for a lock.
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[RoundTrips]:
    async with RoundTrips(database_url).opened() as proxy:
        yield proxy


@pytest.fixture
async def database(proxy: RoundTrips) -> AsyncIterator[Database]:
    database = Database(proxy.url, LIMIT)
    yield database
    await database.close()


@pytest.fixture
async def services(settings: Settings, database: Database) -> Services:
    return without_housekeeping(settings, database)


@pytest.fixture
def asking(services: Services) -> Asking:
    return Asking(services, LOCAL_OWNER)


DOCUMENTS = [
    *(question.document for question in questions() if question.name in ("page", "tree", "Shelf", "Relay shelf")),
    "{ a: characters { id conversations { messages { content } } } conversations { id } b: characters { id } }",
]


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_a_query_waits_once_for_the_server(
    services: Services, asking: Asking, proxy: RoundTrips, document: str
) -> None:
    character = await make_character(services)
    await make_history(services, "Hello", "Hi.", character=character)
    # The first time the driver prepares the statement.
    for _ in range(2):
        before = proxy.count
        found = await asking.plain(document, {"id": character.id})
        taken = proxy.count - before
    assert taken == 1
    assert json.loads((await asking.both(document, {"id": character.id}))[1])["data"] == found


async def test_nothing_that_is_too_large_crosses_the_wire(
    services: Services, asking: Asking, proxy: RoundTrips
) -> None:
    conversation = await make_history(services, *["x" * 10_000] * 11)
    query = "query ($id: ID!, $last: Int!) { conversation(id: $id) { messages(last: $last) { content } } }"
    assert await asking.plain(query, {"id": conversation.id, "last": 9}) is not None
    before, connections = proxy.received, proxy.connections
    with pytest.raises(ReadTooLarge):
        await asking.plain(query, {"id": conversation.id, "last": 11})
    assert proxy.received - before < 1_000
    assert await asking.plain(query, {"id": conversation.id, "last": 9}) is not None
    assert proxy.connections == connections


async def test_a_query_whose_connection_is_lost_is_answered_by_rows(
    services: Services, asking: Asking, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    character = await make_character(services)
    name = str(database.url.database)
    async with postgres.connected() as server, postgres.connected(name) as other, other.transaction():
        await other.execute("LOCK TABLE characters")
        asked = asyncio.create_task(asking.both("{ characters { id } }"))

        async def was_cut() -> bool:
            return bool(await server.fetchval(CUT, name))

        await until(was_cut)
    answer, _ = await asked
    assert json.loads(answer) == {"data": {"characters": [{"id": character.id}]}, "errors": []}
    assert not caplog.records


async def test_an_excerpt_knows_of_the_text_that_is_not_looked_at(services: Services, asking: Asking) -> None:
    conversation = await make_history(services, *(f"Hi {'`' * length} é" for length in (4, 35, 36, 100)))
    query = f'{{ conversation(id: "{conversation.id}") {{ messages {{ excerpt(length: 10) }} }} }}'
    found = (await asking.plain(query))["conversation"]["messages"]
    assert [one["excerpt"] for one in found] == ["Hi é", "Hi é", "Hi…", "Hi…"]
    assert json.loads((await asking.both(query))[1])["data"]["conversation"]["messages"] == found


async def test_an_object_may_have_as_many_fields_as_on_sqlite(services: Services, asking: Asking) -> None:
    await make_character(services, "Ada")
    [found] = (await asking.plain(f"{{ characters {{ {WIDEST} }} }}"))["characters"]
    assert list(found.values()) == ["Ada"] * 50
