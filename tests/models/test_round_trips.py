"""How often a request waits for PostgreSQL, which may be far away."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from models import LOCAL_OWNER, Database
from services import Services
from services.characters import CharacterOrder
from services.paging import page_arguments
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from tests.support.makers import make_history
from tests.support.owners import without_housekeeping
from tests.support.round_trips import RoundTrips

pytestmark = pytest.mark.postgresql

# Until the driver has prepared each statement on each connection that it uses.
WARM_UP = 12


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[RoundTrips]:
    async with RoundTrips(database_url).opened() as proxy:
        yield proxy


@pytest.fixture
async def services(proxy: RoundTrips, settings: Settings) -> AsyncIterator[Services]:
    database = Database(proxy.url)
    yield without_housekeeping(settings, database)
    await database.close()


async def counted(proxy: RoundTrips, act: Callable[[], Awaitable[object]]) -> int:
    for _ in range(WARM_UP):
        await act()
    before = proxy.count
    await act()
    return proxy.count - before


async def test_a_read_is_one_and_a_message_that_is_sent_is_eight(services: Services, proxy: RoundTrips) -> None:
    conversation = await make_history(services, *["Hello"] * 20)

    async def read() -> None:
        await services.characters.page(LOCAL_OWNER, CharacterOrder.ACTIVE_DESC, None, page_arguments())

    async def send() -> None:
        await services.replies.send(LOCAL_OWNER, conversation.id, "Hello", None, ReplyOptions(ReplyMode.NONE))

    assert await counted(proxy, read) == 1
    # BEGIN, the lock, the end of the path, the message, its text, the character, the conversation, COMMIT.
    assert await counted(proxy, send) == 8
