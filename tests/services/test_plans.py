"""Every list and every count walks an index, also when one owner has 200,000 conversations with one character."""

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import aclosing, closing
from functools import partial
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
from services.streaming import cursors
from services.streaming.cursors import Cursor
from services.streaming.events import ReplySnapshot
from tests.support.crowd import multiply
from tests.support.makers import TestEngine, make_character, make_history, until
from tests.support.plain_reads import Asking

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
            LOCAL_OWNER, [TreePosition(to.conversation, None)], 20
        ),
        "characters by ids": lambda to: to.services.characters.by_ids(LOCAL_OWNER, _ids("char")),
        "conversations by ids": lambda to: to.services.conversations.by_ids(LOCAL_OWNER, _ids("conv")),
        "messages by ids": lambda to: to.services.messages.by_ids(LOCAL_OWNER, _ids("msg")),
        "histories": lambda to: to.services.chat_histories.of_conversations(LOCAL_OWNER, [to.conversation]),
        "send": lambda to: to.services.replies.send(
            LOCAL_OWNER, to.conversation, "Hi", None, ReplyOptions(ReplyMode.NONE)
        ),
        "send and stop": _send_and_stop,
        "edits that are watched": _watch_edits,
        **{f"search of {name}": partial(_search, *given) for name, given in SEARCHES.items()},
        "abandoned runs": lambda to: to.services.housekeeping.recovery.end_abandoned(),
        "deletions": lambda to: to.services.housekeeping.finish_deletions(),
        "expired keys": lambda to: to.services.housekeeping.expire_keys(),
    }


# By what is searched: the query, whether within the character, and whether within the conversation.
SEARCHES = {
    "a word": ("hello", False, False),
    "a short word": ("he", False, False),
    "a word in a character": ("hello", True, False),
    "a short word in a character": ("he", True, False),
    "a word in a conversation": ("hello", False, True),
    "a word in both": ("hello", True, True),
}


async def _search(query: str, in_character: bool, in_conversation: bool, to: Crowded) -> None:
    scope = (to.character if in_character else None, to.conversation if in_conversation else None)
    await to.services.search.messages(LOCAL_OWNER, query, *scope, FIRST)


def _ids(prefix: str) -> list[str]:
    return [f"{prefix}_{number:032x}" for number in range(100)]


async def _send_and_stop(to: Crowded) -> None:
    """Begin a reply and end it: a running one would keep the plain reads from being plain."""
    await to.services.replies.send(LOCAL_OWNER, to.conversation, "Hi", None, ReplyOptions(ReplyMode.BACKGROUND))
    await to.services.replies.stop(LOCAL_OWNER, to.conversation)


async def _watch_edits(to: Crowded) -> None:
    """Tell an edit to one who watches, and to one who comes late."""
    [before] = await to.services.conversations.by_ids(LOCAL_OWNER, [to.conversation])
    assert before is not None
    [page] = await to.services.messages.path_pages(LOCAL_OWNER, [to.conversation], LAST)
    async with aclosing(await to.services.streams.watch(LOCAL_OWNER, to.conversation)) as events:
        told = asyncio.ensure_future(anext(events))
        await until(lambda: any(one.newest for one in to.services.readers._readers.values()))
        await to.services.messages.edit(LOCAL_OWNER, page.nodes[0].id, f"Version {before.history_version + 1}.")
        assert isinstance(await told, ReplySnapshot)
    cursor = cursors.encode(to.conversation, Cursor(before.history_version))
    async with aclosing(await to.services.streams.watch(LOCAL_OWNER, to.conversation, cursor)) as events:
        assert isinstance(await anext(events), ReplySnapshot)


async def _two_pages(to: Crowded, listing: Listing, page: PageArguments, character_id: str | None) -> None:
    read = to.services.conversations.page
    first = await read(LOCAL_OWNER, listing, page, character_id)
    cursor = {"before": first.cursors[0]} if page.backward else {"after": first.cursors[-1]}
    await read(LOCAL_OWNER, listing, PageArguments(page.first, last=page.last, **cursor), character_id)


async def statements_of(name: str, crowded: Crowded) -> list[tuple[str, Any]]:
    """Ask for what has the name. Return the statements that this takes, each with its parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            asked.append((statement, parameters[0] if isinstance(parameters, list) else parameters))

    for engine in crowded.database.engines:
        event.listen(engine.sync_engine, "before_cursor_execute", note)
    await lists()[name](crowded)
    for engine in crowded.database.engines:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert asked
    return asked


@pytest.mark.parametrize("name", lists())
@pytest.mark.asyncio(loop_scope="module")
async def test_a_list_walks_an_index(name: str, crowded: Crowded) -> None:
    asked = await statements_of(name, crowded)
    async with crowded.database.read(everyone()) as session:
        connection = await session.connection()
        for statement, parameters in asked:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [row[3] for row in plan]
            check(name, steps)


@pytest.mark.parametrize("name", ["path page", "send", "send and stop", "edits that are watched"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_statement_is_prepared_once(name: str, crowded: Crowded) -> None:
    """SQLite prepares one anew if its plan depends on a parameter, which takes longer than many a statement."""
    queries = [one for one in await statements_of(name, crowded) if one[0].startswith("SELECT")]
    anew: list[object] = []

    def note(*looked_up: object) -> int:
        anew.append(looked_up)
        return sqlite3.SQLITE_OK

    for statement, parameters in queries:
        with closing(sqlite3.connect(crowded.database.url.database or "")) as connection:
            connection.set_authorizer(note)
            connection.execute(statement, parameters).fetchall()
            anew.clear()
            others = [one + 1 if isinstance(one, int) else one for one in parameters]
            connection.execute(statement, others).fetchall()
            assert anew == [], statement


def documents() -> dict[str, str]:
    """Return plain reads of every list in every order, by name."""
    asked = {}
    for order in ConversationOrder:
        listing = f"conversations(first: 5, orderBy: {order}) {{ id title }}"
        asked[f"conversations {order}"] = f"{{ {listing} }}"
        asked[f"conversations of a character {order}"] = f"{{ character(id: $id) {{ {listing} }} }}"
        for page in ("first: 5", "last: 5", 'first: 5, after: "$cursor"', 'last: 5, before: "$cursor"'):
            if "$" not in page or order is ConversationOrder.ACTIVE_DESC:
                pages = (
                    f"conversationsConnection({page}, orderBy: {order}) {{ edges {{ cursor node {{ title }} }} }}"
                )
                asked[f"conversations of a character {order} {page}"] = f"{{ character(id: $id) {{ {pages} }} }}"
    for one in CharacterOrder:
        asked[f"characters {one}"] = (
            f"{{ characters(orderBy: {one}) {{ id lists: conversations(first: 5) {{ id }} }} }}"
        )
    inside = {
        "messages": "messages { position parent { id } speaker { id } }",
        "last message": "lastMessage { position } activeReply { id } forkedFrom { id } character { id }",
        "path": "messagesConnection(last: 5) { totalCount edges { cursor node { id } } }",
        "tree": "messagesConnection(includeInactive: true) { totalCount edges { cursor node { id } } }",
        "alternatives": "messages(last: 1) { alternativeCount alternativeIndex alternatives { id } }",
    }
    wrapped = {name: f"{{ conversation(id: $conversation) {{ {part} }} }}" for name, part in inside.items()}
    counts = "{ charactersConnection { totalCount } conversationsConnection { totalCount } }"
    return asked | wrapped | {"counts": counts}


@pytest.mark.parametrize("name", documents())
@pytest.mark.asyncio(loop_scope="module")
async def test_a_plain_read_walks_an_index(name: str, crowded: Crowded) -> None:
    asking = Asking(crowded.services, LOCAL_OWNER)
    order = Listing(ConversationOrder.ACTIVE_DESC)
    page = await crowded.services.conversations.page(LOCAL_OWNER, order, FIRST, crowded.character)
    given = {
        "$conversation": f'"{crowded.conversation}"',
        "$id": f'"{crowded.character}"',
        "$cursor": page.cursors[0],
    }
    document = documents()[name]
    for variable, value in given.items():
        document = document.replace(variable, value)
    assert await asking.plain(document) is not None
    values = {"owner": LOCAL_OWNER.removeprefix("user_")}
    async with crowded.database.read(everyone()) as session:
        connection = await session.connection()
        for statement in asking.statements(document):
            named = {**dict.fromkeys(re.findall(r":(\w+)", statement), "1"), **values}
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", named)
            steps = [row[3] for row in plan if not MADE.match(row[3])]
            if "turned" in statement:
                # A page from the end is turned around: up to 101 rows.
                steps.remove("USE TEMP B-TREE FOR ORDER BY")
            check(name, steps)


# Rows that a plain read has read already.
MADE = re.compile(r"SCAN (row|rows|read|turned)\d+")


# Partial indexes, which hold next to nothing, and rows that a statement has made itself.
FEW = ("ix_characters_deleting", "uq_runs_unfinished", "text_fillings", "CONSTANT ROW", "anon_", "(subquery-")
# What a search may walk, because it stops after LOOKED_AT texts.
WALKED = {
    "search of a word": {"SCAN message_trigrams VIRTUAL TABLE INDEX 192:M1"},
    "search of a short word": {"SCAN message_texts", "SCAN texts_of_everyone"},
}
# Sorted are the alternatives of one message, and the names of writers.
SORTED = ("alternatives", "abandoned runs")


def check(name: str, steps: list[str]) -> None:
    """Fail for a scan, for a sort that an index makes needless, and for an index of more rows than are wanted."""
    walked = WALKED.get(name.removesuffix(" in a character"), ())
    scans = [step for step in steps if step.startswith("SCAN") and not any(few in step for few in FEW)]
    assert [step for step in scans if step not in walked] == []
    if not name.startswith(SORTED):
        assert [step for step in steps if "TEMP B-TREE" in step] == []
    if name.startswith("edits"):
        assert [step for step in steps if "ix_messages_conversation_id_owner_position_id" in step] == []
    if name.endswith("by ids") or name.startswith(("conversations of", "count of a character", "counts of")):
        assert [step for step in steps if "SEARCH" in step and "(owner=?" in step] == []
