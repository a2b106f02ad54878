"""Results as streams over HTTP: what clients see on the wire."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from schema.endpoint.access.gate import _unending
from schema.endpoint.http.media import MediaType
from schema.endpoint.http.open_connections import OpenConnections
from schema.endpoint.http.streams import FRAMINGS, StreamResponse
from services import Services
from services.draining import ConnectionDrain
from tests.schema.endpoint.raw import post
from tests.support.client import Client
from tests.support.makers import TestEngine, make_conversation, until

WATCH = """subscription ($id: ID!, $after: String) {
    replyStream(conversationId: $id, after: $after, untilDone: true) {
    __typename ... on ReplyDelta { delta } message { conversation { title } } } }"""
SEND = """mutation ($id: ID!) { sendMessage(input: {conversationId: $id, content: "Hi", replyMode: BACKGROUND}) {
    streamCursor } }"""
PARTS = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json;q=0.9'


async def speaking(client: Client, services: Services) -> dict[str, str]:
    """Let a reply begin; return what a watcher of it asks for, so that it misses nothing however late it comes."""
    conversation = await make_conversation(services)
    sent = (await client.run(SEND, id=conversation.id))["sendMessage"]
    return {"id": conversation.id, "after": sent["streamCursor"]}


async def test_events_end_with_complete_and_lines_with_lf(
    client: Client, services: Services, engine: TestEngine
) -> None:
    reply = await speaking(client, services)
    engine.answer("One\ntwo.")
    answer = await post(client.url, {"query": WATCH, "variables": reply}, "text/event-stream")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store, no-transform"
    text = unchunked(answer.body).decode()
    assert "\r" not in text
    events = [part.split("\n") for part in text.split("\n\n") if part.startswith("event")]
    assert [event[0] for event in events] == ["event: next"] * (len(events) - 1) + ["event: complete"]
    assert events[-1][1] == "data: "
    results = [json.loads(event[1].removeprefix("data: "))["data"]["replyStream"] for event in events[:-1]]
    assert "".join(result.get("delta", "") for result in results) == "One\ntwo."
    assert results[-1]["__typename"] == "ReplyFinished"


async def test_a_query_is_one_event(client: Client) -> None:
    events = [event async for event in client.watch("{ __typename }")]
    assert events == [{"data": {"__typename": "Query"}}]


async def test_parts_are_what_apollo_reads(client: Client, services: Services, engine: TestEngine) -> None:
    reply = await speaking(client, services)
    engine.answer("One.")
    answer = await post(client.url, {"query": WATCH, "variables": reply}, PARTS)
    assert answer.headers["content-type"] == 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'
    opening, *parts, closing = unchunked(answer.body).split(b"--graphql")
    assert (opening, closing) == (b"", b"--\r\n")
    payloads = []
    for part in parts:
        head, body = part.removesuffix(b"\r\n").split(b"\r\n\r\n", 1)
        assert head == b"\r\nContent-Type: application/json; charset=utf-8"
        payloads.append(json.loads(body)["payload"]["data"]["replyStream"]["__typename"])
    assert (payloads[0], payloads[-1]) == ("ReplyStarted", "ReplyFinished")


@pytest.mark.parametrize("accept", ["text/event-stream", PARTS])
async def test_a_request_error_is_a_result_of_the_stream(client: Client, accept: str) -> None:
    for document, code in (("{ nothing }", "GRAPHQL_VALIDATION_FAILED"), (WATCH, "NOT_FOUND")):
        answer = await post(client.url, {"query": document, "variables": {"id": "x"}}, accept)
        assert answer.status == 200
        assert code.encode() in answer.body
        assert b'"data"' not in answer.body


RENAME = """mutation ($id: ID!) { updateConversation(input: {conversationId: $id, title: "Renamed"}) {
    userErrors { code } } }"""


async def test_what_is_shown_with_an_event_is_loaded_for_it(
    client: Client, services: Services, engine: TestEngine
) -> None:
    reply = await speaking(client, services)
    events = client.watch(WATCH, **reply)
    assert title(await anext(events)) == "New conversation"
    await client.run(RENAME, id=reply["id"])
    engine.answer("One.")
    assert {title(event) async for event in events} == {"Renamed"}


def title(event: dict[str, Any]) -> str:
    return str(event["data"]["replyStream"]["message"]["conversation"]["title"])


async def test_a_watcher_that_leaves_ends_its_stream(client: Client, services: Services) -> None:
    reply = await speaking(client, services)
    events = client.watch(WATCH, **reply)
    await anext(events)
    assert len(tasks()) == 1
    await events.aclose()
    await until(lambda: not tasks())


def tasks() -> list[Any]:
    return [task for task in asyncio.all_tasks() if "_send_results" in repr(task.get_coro())]


@pytest.mark.parametrize(
    "media, beat", [(MediaType.EVENT_STREAM, b":\n\n"), (MediaType.MULTIPART, b"{}\r\n--graphql")]
)
async def test_a_silent_stream_has_a_heartbeat(media: MediaType, beat: bytes) -> None:
    async def results() -> AsyncGenerator[dict[str, Any], None]:
        await silence.wait()
        yield {"data": None}

    silence = asyncio.Event()
    sent: list[bytes] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if sum(beat in body for body in sent) > 3:
            silence.set()

    framing = replace(FRAMINGS[media], heartbeat_seconds=0.01)
    response = StreamResponse(results(), framing, OpenConnections(1, ConnectionDrain()), _unending, bool)
    await response({"type": "http"}, receive, send)
    assert sent[-1] == FRAMINGS[media].closing


def unchunked(body: bytes) -> bytes:
    """Put a body together that came in chunks."""
    whole = b""
    while body:
        size, body = body.split(b"\r\n", 1)
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole
