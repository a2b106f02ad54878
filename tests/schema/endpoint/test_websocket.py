"""graphql-transport-ws, message by message."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from services import Services
from services.streaming.service import StreamService
from tests.conftest import serving
from tests.schema.endpoint.raw import post
from tests.support.client import PROTOCOL, Client, subscribe
from tests.support.makers import TestEngine, make_conversation, make_history, until

WATCH = "subscription ($id: ID!) { replyStream(conversationId: $id) { __typename } }"
SEND = """mutation ($id: ID!) { sendMessage(input: {conversationId: $id, content: "Hi", replyMode: BACKGROUND}) {
    reply { id } } }"""
COUNT = "query ($id: ID!) { conversation(id: $id) { messageCount messages { content } } }"


async def received(socket: Any) -> dict[str, Any]:
    async with asyncio.timeout(10):
        message: dict[str, Any] = json.loads(await socket.recv())
        return message


async def test_ping_is_answered_before_and_after_the_init(client: Client) -> None:
    async with connect(client.url.replace("http", "ws", 1), subprotocols=[PROTOCOL]) as socket:
        for sent, answer in (("ping", "pong"), ("connection_init", "connection_ack"), ("ping", "pong")):
            await socket.send(json.dumps({"type": sent, "payload": {"any": "thing"}}))
            assert (await received(socket))["type"] == answer


async def test_operations_run_beside_each_other(client: Client, services: Services) -> None:
    conversation = await make_conversation(services)
    async with client.socket() as socket:
        await socket.send(subscribe("watch", WATCH, id=conversation.id))
        await socket.send(subscribe("send", SEND, id=conversation.id))
        messages = [await received(socket) for _ in range(3)]
        assert sorted((one["id"], one["type"]) for one in messages) == [
            ("send", "complete"),
            ("send", "next"),
            ("watch", "next"),
        ]


async def test_an_operation_sees_what_an_earlier_one_changed(
    client: Client, services: Services, engine: TestEngine
) -> None:
    conversation = await make_history(services, "One", "Two")
    engine.answer("Four.")
    async with client.socket() as socket:
        counts = []
        for document in (COUNT, SEND.replace("BACKGROUND", "WAIT"), COUNT):
            await socket.send(subscribe("1", document, id=conversation.id))
            counts.append((await received(socket))["payload"]["data"])
            assert (await received(socket))["type"] == "complete"
    assert [counts[0]["conversation"]["messageCount"], counts[2]["conversation"]["messageCount"]] == [2, 4]


async def test_complete_ends_an_operation_and_frees_its_id(client: Client, services: Services) -> None:
    conversation = await make_conversation(services)
    async with client.socket() as socket:
        for _ in range(2):
            await socket.send(subscribe("1", WATCH, id=conversation.id))
            await socket.send('{"type": "complete", "id": "1"}')
        await socket.send('{"type": "complete", "id": "unknown"}')
        await socket.send('{"type": "ping"}')
        assert (await received(socket))["type"] == "pong"
        await until(lambda: not operations())


async def test_an_operation_that_ends_late_does_not_end_the_next_one_of_its_id(services: Services) -> None:
    """The first one breaks while it is cancelled, after its id was used again."""

    class Streams(StreamService):
        def __init__(self) -> None:
            pass

        async def watch(self, *args: Any) -> Any:
            return self._watched()

        async def _watched(self) -> Any:
            try:
                await asyncio.sleep(60)
                yield
            except asyncio.CancelledError:
                await asyncio.sleep(0.05)
                raise ValueError("ending it failed") from None

        async def settle(self) -> None:
            pass

    async with serving(replace(services, streams=Streams())) as client, client.socket() as socket:
        await socket.send(subscribe("1", WATCH, id="x"))
        await until(lambda: len(operations()) == 1)
        await asyncio.sleep(0.05)
        await socket.send('{"type": "complete", "id": "1"}')
        await socket.send(subscribe("1", WATCH, id="x"))
        await until(lambda: len(operations()) == 2)
        await until(lambda: len(operations()) == 1)
        await socket.send('{"type": "ping"}')
        assert (await received(socket))["type"] == "pong"
        await socket.send(subscribe("1", WATCH, id="x"))
        await socket.wait_closed()
        assert socket.close_code == 4409


def operations() -> list[Any]:
    return [task for task in asyncio.all_tasks() if "Socket._operate" in repr(task.get_coro())]


async def test_a_client_that_leaves_leaves_nothing_behind(client: Client, services: Services) -> None:
    conversation = await make_conversation(services)
    async with client.socket() as socket:
        for id in ("1", "2"):
            await socket.send(subscribe(id, WATCH, id=conversation.id))
        await until(lambda: len(operations()) == 2)
    await until(lambda: not operations())


async def test_an_id_in_use_is_refused(client: Client, services: Services) -> None:
    conversation = await make_conversation(services)
    async with client.socket() as socket:
        await socket.send(subscribe("é" * 200, WATCH, id=conversation.id))
        await socket.send(subscribe("é" * 200, WATCH, id=conversation.id))
        await socket.wait_closed()
        assert socket.close_code == 4409
        assert len((socket.close_reason or "").encode()) <= 123


async def test_a_socket_runs_only_so_many_operations(services: Services) -> None:
    conversation = await make_conversation(services)
    async with limited(services, max_operations=2) as client, client.socket() as socket:
        for id in ("1", "2", "3"):
            await socket.send(subscribe(id, WATCH, id=conversation.id))
        refused = await received(socket)
        assert (refused["id"], refused["type"]) == ("3", "error")
        assert refused["payload"][0]["extensions"] == {"code": "TOO_MANY_OPERATIONS", "limit": 2, "actual": 3}
        await socket.send('{"type": "complete", "id": "1"}')
        await socket.send(subscribe("4", "{ __typename }"))
        assert [(await received(socket))["type"] for _ in range(2)] == ["next", "complete"]


async def test_sockets_and_streams_have_one_limit(services: Services) -> None:
    conversation = await make_conversation(services)
    request = {"query": WATCH, "variables": {"id": conversation.id}}
    async with limited(services, max_connections=2) as client:
        watching = client.http.stream("POST", client.url, json=request, headers={"accept": "text/event-stream"})
        async with client.socket(), watching as stream:
            chunks = stream.aiter_bytes()
            await anext(chunks)
            with pytest.raises(InvalidStatus) as refused:
                await connect(client.url.replace("http", "ws", 1), subprotocols=[PROTOCOL])
            assert refused.value.response.status_code == 503
            assert b"TOO_MANY_CONNECTIONS" in (refused.value.response.body or b"")
            for accept in ("text/event-stream", "multipart/mixed;subscriptionSpec=1.0"):
                answer = await post(client.url, request, accept)
                assert (answer.status, answer.headers["retry-after"]) == (503, "5")
                assert answer.error["extensions"]["code"] == "TOO_MANY_CONNECTIONS"
            assert await client.run("{ __typename }")
        await until(lambda: opens(client))


async def opens(client: Client) -> bool:
    try:
        async with client.socket():
            return True
    except InvalidStatus:
        return False


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["other", "graphql-ws"]])
async def test_other_protocols_are_refused_by_their_code(client: Client, offered: Any) -> None:
    async with connect(client.url.replace("http", "ws", 1), subprotocols=offered) as socket:
        await socket.wait_closed()
        assert socket.close_code == 4406


async def test_a_client_that_sends_no_init_in_time_is_disconnected(services: Services) -> None:
    async with limited(services, read_timeout=0.05) as client:
        async with connect(client.url.replace("http", "ws", 1), subprotocols=[PROTOCOL]) as opened:
            await opened.send('{"type": "ping"}')
            await opened.wait_closed()
            assert opened.close_code == 4408


def limited(services: Services, **limits: Any) -> Any:
    return serving(replace(services, settings=services.settings.model_copy(update=limits)))
