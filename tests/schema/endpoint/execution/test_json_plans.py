"""Plans of plain reads: what is one, how many statements it takes, whose rows it sees, and when rows are read."""

import asyncio
import json
import logging
import sqlite3
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from models import LOCAL_OWNER, Database, FinishReason
from models.sqlite_reader import SQLiteReader
from schema import schema
from schema.endpoint.execution.operations import MAX_PLANS
from services import Services
from services.reads.service import ReadService
from services.replies.options import ReplyMode, ReplyOptions
from services.streaming import cursors
from tests.support import plain_reads
from tests.support.bound import unbound
from tests.support.makers import TestEngine, make_character, make_conversation, make_history, until
from tests.support.plain_reads import Asking

# What only the resolvers give. A new field is plain, or its name is added here with a reason.
BY_ROWS = {
    "Conversation.chatHistory": "its list has the legacy format, which is made in Python",
    "TokenUsage.totalTokens": "a sum with a bound, made in Python",
}

SHELF = """{ characters(first: 10, orderBy: ACTIVE_DESC) { id name avatarUrl conversations(first: 5) {
    id title messageCount streamCursor lastMessage { role content status createdAt } activeReply { id } } } }"""
RELAY = """query ($first: Int = 5, $after: String) { charactersConnection(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id name conversationsConnection(first: 5) {
    pageInfo { hasNextPage endCursor } edges { cursor node { id title messagesConnection(last: 5) { totalCount
    pageInfo { hasPreviousPage startCursor } edges { cursor node {
    id role content speaker { name } } } } } } } } } } }"""


@pytest.fixture
def asking(services: Services) -> Asking:
    return Asking(services, LOCAL_OWNER)


@pytest.fixture
async def traced(database: Database) -> list[str]:
    """Every statement that the driver of the plain reads runs since the fixture was taken."""
    return await plain_reads.traced(database)


def fields() -> list[str]:
    """Return each field of the types whose rows are read, as a document that selects it alone."""
    documents = {}
    for name, root in (("Character", "character"), ("Conversation", "conversation"), ("Message", "message")):
        kind = schema._schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        for field, definition in kind.fields.items():
            for path, selection in _selections(f"{name}.{field}", field, get_named_type(definition.type)):
                documents[path] = f'{{ {root}(id: "x") {{ {selection} }} }}'
    return list(documents.items())


def _selections(path: str, field: str, kind: Any) -> list[tuple[str, str]]:
    if is_leaf_type(kind):
        return [(path, field)]
    if "id" in kind.fields:
        return [(path, f"{field} {{ id }}")]
    inner = [one for one in kind.fields.items() if is_leaf_type(get_named_type(one[1].type))]
    return [(f"{kind.name}.{name}", f"{field} {{ {name} }}") for name, _ in inner]


@pytest.mark.parametrize("path, document", fields())
def test_a_field_is_plain_or_on_the_list(asking: Asking, path: str, document: str) -> None:
    assert (path in BY_ROWS) != asking.is_plan(document)


@pytest.mark.parametrize("document", [SHELF, RELAY])
async def test_one_statement_answers_a_root_field(
    asking: Asking, services: Services, traced: list[str], document: str
) -> None:
    for number in range(3):
        character = await make_character(services, f"Character {number}")
        for _ in range(2):
            await make_history(services, "Hello", "Hi.", "More", character=character)
    await asyncio.sleep(0)
    traced.clear()
    plain = await asking.plain(document)
    await asyncio.sleep(0)
    assert len(traced) == 1
    assert unbound(asking.statements(document)[0]) == {}
    _, by_rows = await asking.both(document)
    assert json.loads(by_rows)["data"] == plain


async def test_several_root_fields_see_one_state(asking: Asking, traced: list[str], database_kind: str) -> None:
    await asking.plain("{ characters { id } conversations { id streamCursor } }")
    await asyncio.sleep(0)
    # PostgreSQL is asked for all in one statement, because each would be a round trip.
    expected = {"sqlite": ["BEGIN", "SELECT", "SELECT", "COMMIT"], "postgresql": ["SELECT"]}
    assert [one.split()[0] for one in traced] == expected[database_kind]


async def test_a_page_after_a_cursor_of_a_found_row_is_plain(asking: Asking, services: Services) -> None:
    character = await make_character(services)
    for title in "abc":
        await make_conversation(services, character, title=title)
    query = """query ($id: ID!, $after: String) { node(id: $id) { ... on Character {
        conversationsConnection(first: 2, orderBy: TITLE_ASC, after: $after) {
        nodes { title } pageInfo { endCursor hasNextPage hasPreviousPage } } } } }"""
    first = (await asking.plain(query, {"id": character.id}))["node"]["conversationsConnection"]
    after = first["pageInfo"]["endCursor"]
    second = (await asking.plain(query, {"id": character.id, "after": after}))["node"]["conversationsConnection"]
    assert [node["title"] for node in first["nodes"] + second["nodes"]] == ["a", "b", "c"]
    assert second["pageInfo"] | {"endCursor": None} == {
        "endCursor": None,
        "hasNextPage": False,
        "hasPreviousPage": True,
    }


async def test_a_list_of_alternatives_has_its_first_ones(asking: Asking, services: Services) -> None:
    """Both paths, for several messages at once: each list is cut by itself."""
    for contents in ("abc", "xyz"):
        conversation = await make_conversation(services)
        for content in contents:
            history = [{"role": "user", "content": content}]
            await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, history)
    query = """{ conversations(orderBy: CREATED_ASC) { messages { alternativeCount
        alternatives(first: 2) { content } } } }"""
    plain = await asking.plain(query)
    shown = [conversation["messages"][0] for conversation in plain["conversations"]]
    assert [[one["content"] for one in message["alternatives"]] for message in shown] == [["a", "b"], ["x", "y"]]
    assert [message["alternativeCount"] for message in shown] == [3, 3]
    answer, by_rows = await asking.both(query)
    assert answer == by_rows


async def test_a_row_of_a_list_has_an_excerpt_and_what_the_user_said_first(
    asking: Asking, services: Services, engine: TestEngine
) -> None:
    """Both paths; a reply that is being written shows the beginning of its text as it is now."""
    character = await make_character(services, greeting="Welcome.")
    for contents in ((), ("*Hello* there, **you**!", "Hi."), ("x" * 300,)):
        conversation = await make_conversation(services, character)
        for content in contents:
            await services.replies.send(LOCAL_OWNER, conversation.id, content, None, ReplyOptions(ReplyMode.NONE))
    query = """{ conversations(orderBy: CREATED_ASC) { firstUserMessage { role excerpt(length: 20) }
        lastMessage { excerpt } } }"""
    found = (await asking.plain(query))["conversations"]
    assert [one["firstUserMessage"] for one in found] == [
        None,
        {"role": "USER", "excerpt": "Hello there, you!"},
        {"role": "USER", "excerpt": "x" * 19 + "…"},
    ]
    assert [len(one["lastMessage"]["excerpt"]) for one in found] == [8, 3, 140]
    answer, by_rows = await asking.both(query)
    assert answer == by_rows
    answer, by_rows = await asking.both(query.replace("20", "0"))
    assert answer == by_rows
    assert json.loads(answer)["errors"] == ["length must be between 1 and 1000; got 0."]
    await services.replies.send(LOCAL_OWNER, conversation.id, "More", None, ReplyOptions(ReplyMode.BACKGROUND))
    engine.say("*Once* upon")
    await until(lambda: services.writer._broker.live(conversation.id))
    await until(lambda: len(services.writer._broker.live(conversation.id) or ""))
    assert await asking.plain(query) is None
    answer, by_rows = await asking.both(query)
    assert answer == by_rows
    assert json.loads(answer)["data"]["conversations"][2]["lastMessage"] == {"excerpt": "Once upon"}
    engine.say(FinishReason.END)


async def test_a_cursor_of_another_list_is_refused_as_by_rows(asking: Asking, services: Services) -> None:
    ids = []
    for _ in range(2):
        character = await make_character(services)
        await make_conversation(services, character)
        ids.append(character.id)
    listing = '{ character(id: "%s") { conversationsConnection%s { edges { cursor } } } }'
    found = await asking.plain(listing % (ids[0], ""))
    cursor = found["character"]["conversationsConnection"]["edges"][0]["cursor"]
    answer, by_rows = await asking.both(listing % (ids[1], f'(after: "{cursor}")'))
    assert answer == by_rows
    assert json.loads(answer)["errors"] == ["This cursor belongs to another list."]


async def test_a_running_reply_is_read_with_its_present_text(
    asking: Asking, services: Services, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    options = ReplyOptions(ReplyMode.BACKGROUND)
    await services.replies.send(LOCAL_OWNER, conversation.id, "Hello", None, options)
    query = f'{{ conversation(id: "{conversation.id}") {{ streamCursor messages {{ content status }} }} }}'
    streamed = ""
    async with aclosing(await services.streams.watch(LOCAL_OWNER, conversation.id)) as events:
        for word in ("One ", "two ", "three."):
            engine.say(word)
            while not streamed.endswith(word):
                streamed += getattr(await anext(events), "delta", "")
            answer = json.loads((await asking.both(query))[0])["data"]["conversation"]
            assert answer["messages"][-1] == {"content": streamed, "status": "STREAMING"}
            assert await asking.plain(query) is None
            assert cursors.decode(conversation.id, answer["streamCursor"]).run == 0
    assert await asking.plain(query.replace("content status", "id position")) is not None


async def test_a_cursor_is_never_newer_than_the_text_beside_it(
    asking: Asking, services: Services, engine: TestEngine
) -> None:
    conversation = await make_history(services, "0")
    query = f'{{ conversation(id: "{conversation.id}") {{ streamCursor historyVersion messages {{ content }} }} }}'
    message = (await asking.plain(query.replace("{ content }", "{ id }")))["conversation"]["messages"][0]["id"]

    async def edit() -> None:
        for number in range(1, 60):
            await services.messages.edit(LOCAL_OWNER, message, str(number))

    editing = asyncio.create_task(edit())
    while not editing.done():
        found = (await asking.plain(query))["conversation"]
        version = cursors.decode(conversation.id, found["streamCursor"]).version
        assert version == found["historyVersion"]
        assert int(found["messages"][0]["content"]) == version - conversation.history_version
    await editing


@pytest.mark.sqlite
async def test_what_is_too_deep_for_the_parser_is_read_by_rows(
    asking: Asking, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    conversation = await make_history(services, *"abcdefghijkl")
    depth = 10
    query = '{ conversation(id: "%s") { lastMessage { %s } } }'
    query %= (conversation.id, "parent { " * depth + "content role failure { code }" + " }" * depth)
    with caplog.at_level(logging.WARNING):
        answer, by_rows = await asking.both(query)
        again, _ = await asking.both(query)
    assert answer == again == by_rows
    assert await asking.plain(query) is None
    assert not caplog.records


async def test_a_document_has_so_many_plans_at_most(asking: Asking, services: Services) -> None:
    await make_character(services)
    names = [f"f{number}" for number in range(5)]
    fields = " ".join(f"a{name}: name @include(if: ${name})" for name in names)
    query = f"query ({', '.join(f'${name}: Boolean!' for name in names)}) {{ characters {{ id {fields} }} }}"
    plain = 0
    for number in range(2 ** len(names)):
        flags = {name: bool(number >> place & 1) for place, name in enumerate(names)}
        plain += await asking.plain(query, flags) is not None
        answer, by_rows = await asking.both(query, flags)
        assert answer == by_rows
    assert plain == MAX_PLANS


async def test_statements_are_kept_in_so_much_memory(services: Services, database: Database) -> None:
    """Sizes do not make statements; orders do."""
    reads = ReadService(database, cache_length=10_000)
    asking = Asking(replace(services, reads=reads), LOCAL_OWNER)
    query = """query ($one: ConversationOrder!, $two: ConversationOrder!, $size: Int!) { characters {
        one: conversations(orderBy: $one, first: $size) { id } two: conversations(orderBy: $two) { id } } }"""
    orders = list(schema._schema.type_map["ConversationOrder"].values)  # type: ignore[attr-defined]
    for size in (3, 5):
        for one in orders:
            assert await asking.plain(query, {"one": one, "two": orders[0], "size": size}) is not None
    assert reads._statements._weight <= 10_000
    assert 1 < len(reads._statements._entries) <= len(orders)


@pytest.mark.sqlite
async def test_a_plain_read_fails_over_to_rows(
    asking: Asking, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection of the plain reads is lost; the answer comes all the same, and the log says what failed."""
    await asking.plain("{ characters { id } }")
    assert isinstance(database.reader, SQLiteReader)
    driver = database.reader._driver
    assert driver is not None
    await driver._execute(driver._conn.close)
    answer, by_rows = await asking.both("{ characters { id } }")
    assert answer == by_rows
    assert sqlite3.ProgrammingError.__name__ in caplog.text
