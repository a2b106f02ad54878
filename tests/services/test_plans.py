"""Every list and every count walks an index, also when one owner has 200,000 conversations with one character."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from models import LOCAL_OWNER, Database, everyone
from services import Services
from services.broker.memory import MemoryBroker
from services.characters import CharacterOrder
from services.conversations import ConversationOrder, Listing
from services.messages import TreePosition
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from tests.support.crowd import multiply
from tests.support.makers import TestEngine, make_character, make_history

FIRST, LAST = PageArguments(first=5), PageArguments(last=5)


class Crowded:
    """Services over a database in which one character has 200,000 conversations."""

    def __init__(self, services: Services, database: Database, character: str, conversation: str) -> None:
        self.services = services
        self.database = database
        self.character = character
        self.conversation = conversation


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("crowded") / "test.db"
    settings = Settings(_env_file=None, database_url=f"sqlite+aiosqlite:///{path}")
    database = Database(settings.database_url)
    await database.migrate()
    services = Services.build(settings, database, MemoryBroker(), TestEngine())
    await make_character(services, "Someone else")
    character = await make_character(services)
    conversation = await make_history(services, *["x"] * 300, character=character)
    multiply(path, conversation.id)
    yield Crowded(services, database, character.id, conversation.id)
    await database.close()


Ask = Callable[[Crowded], Awaitable[object]]


def lists() -> dict[str, Ask]:
    """Return every list, count and page that the services read, by name."""
    asked: dict[str, Ask] = {}
    for order in ConversationOrder:
        for page in (FIRST, LAST):
            listing, end = Listing(order), "last" if page.backward else "first"
            asked[f"conversations {order} {end}"] = lambda to, listing=listing, page=page: _two_pages(
                to, listing, page, None
            )
            asked[f"conversations of a character {order} {end}"] = lambda to, listing=listing, page=page: (
                _two_pages(to, listing, page, to.character)
            )
            asked[f"conversations of characters {order} {end}"] = lambda to, listing=listing, page=page: (
                to.services.conversations.pages_of(LOCAL_OWNER, [to.character], listing, page)
            )
    for one in CharacterOrder:
        asked[f"characters {one}"] = lambda to, one=one: to.services.characters.page(LOCAL_OWNER, one, None, FIRST)
    return asked | {
        "count of conversations": lambda to: to.services.conversations.count(LOCAL_OWNER, Listing()),
        "count of a character": lambda to: to.services.conversations.count(LOCAL_OWNER, Listing(), to.character),
        "counts of characters": lambda to: to.services.conversations.counts_of(
            LOCAL_OWNER, [to.character], Listing()
        ),
        "count of characters": lambda to: to.services.characters.count(LOCAL_OWNER),
        "path pages": lambda to: to.services.messages.path_pages(LOCAL_OWNER, [to.conversation], LAST),
        "path page": lambda to: to.services.messages.path_page(LOCAL_OWNER, to.conversation, LAST),
        "tree page": lambda to: to.services.messages.tree_page(LOCAL_OWNER, to.conversation, LAST),
        "tree size": lambda to: to.services.messages.tree_size(LOCAL_OWNER, to.conversation),
        "active replies": lambda to: to.services.messages.active_replies(LOCAL_OWNER, [to.conversation]),
        "alternatives": lambda to: to.services.messages.alternatives(
            LOCAL_OWNER, [TreePosition(to.conversation, None)]
        ),
        "characters by ids": lambda to: to.services.characters.by_ids(LOCAL_OWNER, _ids("char")),
        "conversations by ids": lambda to: to.services.conversations.by_ids(LOCAL_OWNER, _ids("conv")),
        "messages by ids": lambda to: to.services.messages.by_ids(LOCAL_OWNER, _ids("msg")),
        "histories": lambda to: to.services.chat_histories.of_conversations(LOCAL_OWNER, [to.conversation]),
        "send": lambda to: to.services.replies.send(
            LOCAL_OWNER, to.conversation, "Hi", None, ReplyOptions(ReplyMode.NONE)
        ),
        "abandoned runs": lambda to: to.services.housekeeping.recovery.end_abandoned(),
        "deletions": lambda to: to.services.housekeeping.finish_deletions(),
        "expired keys": lambda to: to.services.housekeeping.expire_keys(),
    }


def _ids(prefix: str) -> list[str]:
    return [f"{prefix}_{number:032x}" for number in range(100)]


async def _two_pages(to: Crowded, listing: Listing, page: PageArguments, character_id: str | None) -> None:
    read = to.services.conversations.page
    first = await read(LOCAL_OWNER, listing, page, character_id)
    cursor = {"before": first.cursors[0]} if page.backward else {"after": first.cursors[-1]}
    await read(LOCAL_OWNER, listing, PageArguments(page.first, last=page.last, **cursor), character_id)


@pytest.mark.parametrize("name", lists())
@pytest.mark.asyncio(loop_scope="module")
async def test_a_list_walks_an_index(name: str, crowded: Crowded) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    for engine in crowded.database.engines:
        event.listen(engine.sync_engine, "before_cursor_execute", note)
    await lists()[name](crowded)
    for engine in crowded.database.engines:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert asked
    async with crowded.database.read(everyone()) as session:
        connection = await session.connection()
        for statement, parameters in asked:
            if not statement.startswith(("BEGIN", "PRAGMA")):
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps = [row[3] for row in plan]
                check(name, steps)


# Partial indexes, which hold next to nothing, and rows that a statement has made itself.
FEW = ("ix_characters_deleting", "uq_runs_unfinished", "CONSTANT ROW", "anon_", "(subquery-")
# Sorted are the alternatives of one message, and the names of writers.
SORTED = ("alternatives", "abandoned runs")


def check(name: str, steps: list[str]) -> None:
    """Fail for a scan, for a sort that an index makes needless, and for an owner's index instead of a parent's."""
    assert [step for step in steps if step.startswith("SCAN") and not any(few in step for few in FEW)] == []
    if not name.startswith(SORTED):
        assert [step for step in steps if "TEMP B-TREE" in step] == []
    if name.endswith("by ids") or name.startswith(("conversations of", "count of a character", "counts of")):
        assert [step for step in steps if "SEARCH" in step and "(owner=?" in step] == []
