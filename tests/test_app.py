"""The main road, through the real server: talk with a character, and watch the reply come."""

import asyncio
from typing import Any

from models import FinishReason
from services import Services
from tests.support.client import Client
from tests.support.makers import TestEngine, make_character

CREATE = """mutation ($id: ID!) { createConversation(input: {characterId: $id}) {
    conversation { id title messages { role content } character { name } } userErrors { code } } }"""
SEND = """mutation ($id: ID!, $content: String!, $mode: ReplyMode! = WAIT) {
    sendMessage(input: {conversationId: $id, content: $content, replyMode: $mode}) {
        message { content position } reply { id content status finishReason usage { totalTokens isEstimated } }
        streamCursor userErrors { __typename code message path } } }"""
WATCH = """subscription ($id: ID!, $after: String, $untilDone: Boolean! = true) {
    replyStream(conversationId: $id, after: $after, untilDone: $untilDone) {
        __typename cursor messageId
        ... on ReplyStarted { content } ... on ReplyDelta { offset delta } ... on ReplySnapshot { content }
        ... on ReplyFinished { finishReason } ... on ReplyFailed { failure { code message } } } }"""
HISTORY = "query ($id: ID!) { conversation(id: $id) { chatHistory streamCursor messageCount } }"


async def test_the_server_does_what_it_is_for(client: Client, engine: TestEngine) -> None:
    """A character with nested conversations, createConversation, sendMessage, clearHistory, a streamed reply."""
    made = await client.run(
        'mutation { createCharacter(input: {name: "Mira", greeting: "Hello, {{user}}."}) { character { id } } }'
    )
    mira = made["createCharacter"]["character"]["id"]
    begun = [(await client.run(CREATE, id=mira))["createConversation"]["conversation"] for _ in range(2)]
    talk = begun[0]["id"]
    engine.answer("It will ", "rain.")
    sent = (await client.run(SEND, id=talk, content="And the weather?", mode="BACKGROUND"))["sendMessage"]
    events = await collect(client.watch_socket(WATCH, id=talk, after=sent["streamCursor"]))
    assert [event["__typename"] for event in events][-1] == "ReplyFinished"
    assert fold(events) == "It will rain."
    mirror = (
        "query ($id: ID!) { character(id: $id) { name conversations(orderBy: CREATED_ASC) { id chatHistory } } }"
    )
    greeting = {"role": "assistant", "content": "Hello, User."}
    said = [{"role": "user", "content": "And the weather?"}, {"role": "assistant", "content": "It will rain."}]
    assert (await client.run(mirror, id=mira))["character"] == {
        "name": "Mira",
        "conversations": [
            {"id": talk, "chatHistory": [greeting, *said]},
            {"id": begun[1]["id"], "chatHistory": [greeting]},
        ],
    }
    clear = """mutation ($id: ID!) { clearHistory(input: {conversationId: $id}) {
        clearedMessageCount userErrors { message } } }"""
    assert (await client.run(clear, id=talk))["clearHistory"] == {"clearedMessageCount": 3, "userErrors": []}
    conversations = (await client.run(mirror, id=mira))["character"]["conversations"]
    assert [one["chatHistory"] for one in conversations] == [[greeting], [greeting]]


async def begin(client: Client, services: Services) -> str:
    character = await make_character(services, greeting="Hello, {{user}}.")
    made = (await client.run(CREATE, id=character.id))["createConversation"]
    assert made["userErrors"] == []
    assert made["conversation"]["title"] == "New conversation"
    assert made["conversation"]["messages"] == [{"role": "ASSISTANT", "content": "Hello, User."}]
    return made["conversation"]["id"]


async def test_a_reply_is_waited_for(client: Client, services: Services, engine: TestEngine) -> None:
    conversation = await begin(client, services)
    engine.answer("One ", "two.")
    sent = (await client.run(SEND, id=conversation, content="Count."))["sendMessage"]
    assert sent["userErrors"] == []
    assert sent["message"] == {"content": "Count.", "position": 1}
    assert sent["reply"]["content"] == "One two."
    assert (sent["reply"]["status"], sent["reply"]["finishReason"]) == ("COMPLETED", "END")
    assert sent["reply"]["usage"] == {"totalTokens": 10, "isEstimated": False}
    history = (await client.run(HISTORY, id=conversation))["conversation"]["chatHistory"]
    assert history == [
        {"role": "assistant", "content": "Hello, User."},
        {"role": "user", "content": "Count."},
        {"role": "assistant", "content": "One two."},
    ]


async def collect(events: Any) -> list[dict[str, Any]]:
    return [event["data"]["replyStream"] async for event in events]


def fold(events: list[dict[str, Any]]) -> str:
    """Do what the README tells clients to do."""
    text = ""
    for event in events:
        match event["__typename"]:
            case "ReplyStarted" | "ReplySnapshot":
                text = event["content"]
            case "ReplyDelta":
                units = text.encode("utf-16-le")[: 2 * event["offset"]]
                text = units.decode("utf-16-le") + event["delta"]
    return text


async def test_a_late_watcher_misses_nothing_over_either_transport(
    client: Client, services: Services, engine: TestEngine
) -> None:
    conversation = await begin(client, services)
    engine.answer("Ünï", "😀 cod", "é.")
    sent = (await client.run(SEND, id=conversation, content="Hi"))["sendMessage"]
    after = sent["streamCursor"]
    over_sse, over_socket = await asyncio.gather(
        collect(client.watch(WATCH, id=conversation, after=after)),
        collect(client.watch_socket(WATCH, id=conversation, after=after)),
    )
    assert over_sse == over_socket
    assert fold(over_sse) == "Ünï😀 codé."
    assert [event["__typename"] for event in over_sse] == ["ReplyStarted", "ReplyDelta", "ReplyFinished"]


async def test_a_watcher_sees_text_before_the_reply_is_done(
    client: Client, services: Services, engine: TestEngine
) -> None:
    conversation = await begin(client, services)
    await client.run(SEND, id=conversation, content="Hi", mode="BACKGROUND")
    events = client.watch(WATCH, id=conversation)
    assert (await anext(events))["data"]["replyStream"]["__typename"] == "ReplyStarted"
    engine.say("First")
    assert (await anext(events))["data"]["replyStream"]["delta"] == "First"
    engine.say(" then more", FinishReason.LENGTH)
    rest = await collect(events)
    assert "".join(event.get("delta", "") for event in rest) == " then more"
    assert rest[-1]["finishReason"] == "LENGTH"


async def test_leaving_stops_nothing(client: Client, services: Services, engine: TestEngine) -> None:
    conversation = await begin(client, services)
    sent = (await client.run(SEND, id=conversation, content="Hi", mode="BACKGROUND"))["sendMessage"]
    async for event in client.watch_socket(WATCH, id=conversation):
        assert event
        break
    engine.answer("Still here.")
    events = await collect(client.watch(WATCH, id=conversation, after=sent["streamCursor"]))
    assert fold(events) == "Still here."
    assert engine.closed == 1
