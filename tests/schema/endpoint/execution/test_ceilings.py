"""What an answer may hold at the most: values that are known only when it is read, and bytes."""

import asyncio
import json

import pytest

from models import LOCAL_OWNER, Database
from services import Services
from services.engines import Model
from services.settings import Settings
from tests.conftest import opened, serving
from tests.support.client import Client
from tests.support.makers import TestEngine, make_character, make_conversation, make_history

CEILING = 100_000
# The first is written by the database; the second is executed by rows, because a sum of tokens is asked for.
PAGES = ["{ id content }", "{ id content usage { totalTokens } }"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_answer": CEILING, "max_cost": 500})


async def test_a_chat_history_costs_as_much_as_it_has_messages(client: Client, services: Services) -> None:
    one, other = [await make_history(services, *["Hello"] * 300) for _ in range(2)]
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Conversation { chatHistory } } }"
    [node] = (await client.run(document, ids=[one.id]))["nodes"]
    assert len(node["chatHistory"]) == 300
    answer = await client.post(document, ids=[one.id, other.id])
    assert {error["message"] for error in answer["errors"]} == {
        "The result has too many values: 621; the limit is 500."
    }
    assert answer["errors"][0]["extensions"] == {"code": "TOO_COSTLY", "limit": 500, "actual": 621}


@pytest.mark.parametrize("fields", PAGES)
async def test_no_answer_has_more_bytes_than_its_ceiling(client: Client, services: Services, fields: str) -> None:
    conversation = await make_history(services, *["x" * 10_000] * 20)
    document = f"query ($id: ID!, $last: Int!) {{ conversation(id: $id) {{ messages(last: $last) {fields} }} }}"
    answer = await client.post(document, id=conversation.id, last=11)
    assert answer["data"] in (None, {"conversation": None})
    [error] = answer["errors"]
    assert error["message"] == (
        "The answer has more than 100,000 bytes, which is the limit; ask for less at once, in pages."
    )
    assert error["extensions"] == {"code": "ANSWER_TOO_LARGE", "limit": CEILING}
    page = await client.run(document, id=conversation.id, last=5)
    assert len(page["conversation"]["messages"]) == 5


async def test_parts_that_are_small_do_not_make_an_answer_that_is_large(
    client: Client, services: Services
) -> None:
    """Not one of the lists is too long, but the object of all of them is."""
    conversation = await make_history(services, *["x" * 10_000] * 3)
    for count, is_allowed in ((3, True), (4, False)):
        lists = " ".join(f"a{number}: messages(last: 5) {{ content }}" for number in range(count))
        answer = await client.post(
            f"query ($id: ID!) {{ conversation(id: $id) {{ {lists} }} }}", id=conversation.id
        )
        codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
        assert codes == ([] if is_allowed else ["ANSWER_TOO_LARGE"])
        assert bool(answer["data"]) is is_allowed


@pytest.mark.parametrize("fields", PAGES)
async def test_what_grows_when_it_is_written_counts_as_it_is_written(
    client: Client, services: Services, fields: str
) -> None:
    """A control character takes six bytes in JSON, one in the database."""
    conversation = await make_history(services, *["\x01" * 10_000] * 3)
    document = f"query ($id: ID!) {{ conversation(id: $id) {{ messages {fields} }} }}"
    answer = await client.post(document, id=conversation.id)
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["ANSWER_TOO_LARGE"]


async def test_a_chat_history_has_no_more_bytes_than_that_either(client: Client, services: Services) -> None:
    conversation = await make_history(services, *["x" * 10_000] * 11)
    error = await client.fail("query ($id: ID!) { conversation(id: $id) { chatHistory } }", id=conversation.id)
    assert error["extensions"]["code"] == "ANSWER_TOO_LARGE"


async def test_a_mutation_whose_answer_is_too_large_was_made(client: Client, services: Services) -> None:
    conversation = await make_history(services, *["x" * 10_000] * 11)
    answer = await client.post(
        """mutation ($id: ID!) { updateConversation(input: {conversationId: $id, title: "New"}) {
            conversation { title messages { content } } } }""",
        id=conversation.id,
    )
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["ANSWER_TOO_LARGE"]
    assert (await services.conversations.by_ids(LOCAL_OWNER, [conversation.id]))[0].title == "New"


async def test_an_event_that_is_too_large_ends_no_subscription(client: Client, services: Services) -> None:
    conversation = await make_conversation(services)
    document = """subscription ($id: ID!) { conversationChanged(conversationId: $id) {
        conversation { title topic } } }"""
    watching = client.watch_socket(document, id=conversation.id)
    first = await anext(watching)
    assert first["data"]["conversationChanged"]["conversation"]["topic"] is None
    for topic, code in (("\x01" * 50_000, "ANSWER_TOO_LARGE"), ("short", None)):
        await services.conversations.update(LOCAL_OWNER, conversation.id, {"topic": topic})
        event = await anext(watching)
        assert [error["extensions"]["code"] for error in event.get("errors", [])] == ([code] if code else [])
    await watching.aclose()


async def test_an_event_may_cost_a_tenth_of_what_a_query_may(client: Client, services: Services) -> None:
    conversation = await make_conversation(services)
    document = """subscription ($id: ID!, $last: Int!) { conversationChanged(conversationId: $id) {
        conversation { messages(last: $last) { id } } } }"""
    [event] = [event async for event in client.watch_socket(document, id=conversation.id, last=25)]
    assert event["errors"][0]["extensions"] == {"code": "TOO_COSTLY", "limit": 50, "actual": 87}
    watching = client.watch_socket(document, id=conversation.id, last=10)
    assert "data" in await anext(watching)
    await watching.aclose()


async def test_only_a_chat_history_makes_a_request_long(client: Client, services: Services) -> None:
    character = await make_character(services)
    send = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { userErrors { message } } }"
    load = """mutation ($input: ImportConversationInput!) { ...Load }
        fragment Load on Mutation { importConversation(input: $input) { conversation { messageCount } } }"""
    text = "x" * 1024 * 1024
    refused = {"input": {"conversationId": "conv_1", "content": text}}
    imported = {"input": {"characterId": character.id, "chatHistory": [{"role": "user", "content": text}]}}
    response = await client.http.post(client.url, json={"query": send, "variables": refused})
    error = response.json()["errors"][0]
    assert (response.status_code, error["extensions"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert error["message"].endswith("the limit is 1,048,576.")
    [event] = [event async for event in client.watch_socket(send, **refused)]
    assert event["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"
    expected = {"importConversation": {"conversation": {"messageCount": 1}}}
    assert await client.run(load, **imported) == expected
    assert [event["data"] async for event in client.watch_socket(load, **imported)] == [expected]


async def test_an_operation_id_that_is_no_text_gets_its_answer(client: Client) -> None:
    """Half of a surrogate pair can be written in JSON and not in UTF-8; the data was written before."""
    async with client.socket() as socket:
        payload = {"query": "{ characters { id } }"}
        await socket.send(json.dumps({"id": "\ud800", "type": "subscribe", "payload": payload}))
        answer = json.loads(await socket.recv())
    assert answer == {"id": "\ud800", "type": "next", "payload": {"data": {"characters": []}}}


async def test_the_engine_is_asked_once_for_all_who_ask_for_its_models(
    settings: Settings, database: Database
) -> None:
    class CountingEngine(TestEngine):
        asked = 0

        async def models(self) -> list[Model]:
            self.asked += 1
            await asyncio.sleep(0.05)
            return list(await super().models()) * 501

    engine = CountingEngine()
    async with opened(settings.model_copy(update={"max_cost": 125_000}), database, engine) as services:
        async with serving(services) as client:
            answers = await asyncio.gather(*[client.run("{ models { name } }") for _ in range(5)])
            assert {len(answer["models"]) for answer in answers} == {500}
            await client.run("{ models { name } }")
    assert engine.asked == 1
