"""Clients that do not read or do not send are let go, and hold nothing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus

from app import _listen
from resolvers.context import Context
from schema import schema
from schema.endpoint.access.gate import Gate
from schema.endpoint.browsers import Origins
from schema.endpoint.documents.limits import Limits
from schema.endpoint.documents.trusted import Documents
from schema.endpoint.execution.operations import Operations
from schema.endpoint.http.open_connections import OpenConnections
from schema.endpoint.websocket import Sockets
from services import Services
from services.settings import Settings
from tests.conftest import serving
from tests.schema.endpoint.raw_socket import RawSocket, frame, post, raw_socket
from tests.support.client import Client
from tests.support.makers import TestEngine, make_conversation, make_history, until
from tests.support.processes import started

BIG = "query ($id: ID!) { conversation(id: $id) { messages(last: 20) { content } } }"
# An answer to BIG has 2 MB; so many of them are more than two systems take for a client that does not read.
MANY = 5
SECONDS = 0.5


@pytest.fixture
async def conversation(services: Services) -> str:
    return (await make_history(services, *["x" * 100_000] * 20)).id


@pytest.fixture
async def impatient(services: Services) -> AsyncIterator[Client]:
    async with changed(services, read_timeout=SECONDS, send_timeout=SECONDS, max_connections=1) as client:
        yield client


def changed(services: Services, **settings: Any) -> Any:
    return serving(replace(services, settings=services.settings.model_copy(update=settings)))


def busy() -> list[Any]:
    """Every task that serves a client."""
    return [task for task in asyncio.all_tasks() if "run_asgi" in repr(task) or "_operate" in repr(task)]


def ask(conversation: str, id: str = "1") -> dict[str, Any]:
    return {"id": id, "type": "subscribe", "payload": {"query": BIG, "variables": {"id": conversation}}}


async def test_a_socket_that_does_not_read_is_let_go_with_its_operations(
    impatient: Client, conversation: str
) -> None:
    async with raw_socket(impatient.url) as stuck:
        await stuck.upgrade()
        for number in range(MANY):
            await stuck.send_message(ask(conversation, str(number)))
        await until(lambda: len(busy()) > 1)
        await until(lambda: not busy(), patience=5)
        async with impatient.socket():
            pass


@pytest.mark.parametrize(
    "accept", ["application/json", "text/event-stream", "multipart/mixed;subscriptionSpec=1.0"]
)
async def test_a_request_whose_answer_is_not_read_is_let_go(
    impatient: Client, conversation: str, accept: str
) -> None:
    body = json.dumps({"query": BIG, "variables": {"id": conversation}}).encode()
    async with raw_socket(impatient.url) as stuck:
        for _ in range(MANY):
            await stuck.send(post(body, accept))
        await until(busy)
        await until(lambda: not busy(), patience=5)
        async with impatient.socket():
            pass


async def test_a_client_that_reads_slowly_gets_all(impatient: Client, conversation: str) -> None:
    body = json.dumps({"query": BIG, "variables": {"id": conversation}}).encode()
    async with raw_socket(impatient.url, 65536) as slow:
        for _ in range(MANY):
            await slow.send(post(body))
        read, began = 0, time.monotonic()
        while read < MANY * 2_000_000:
            part = await slow.read()
            assert part
            read += len(part)
            # Far longer than the timeout, because it reads something in every part of it.
            await asyncio.sleep(0.01)
        assert time.monotonic() - began > 2 * SECONDS


HALVES = {
    "half a body": post(b'{"query": "{__', length=100),
    "no body": post(b"", length=100),
    "half a head": b"POST /graphql HTTP/1.1\r\nHost: local",
    "half a body of an answered request": post(b"x", length=100).replace(
        b"Type: application/json", b"Type: text/plain"
    ),
}


@pytest.mark.parametrize("name", HALVES)
async def test_a_request_that_does_not_end_is_ended(impatient: Client, name: str) -> None:
    async with raw_socket(impatient.url) as silent:
        await silent.send(HALVES[name])
        async with asyncio.timeout(5):
            answer = await silent.read_all()
    assert answer.split(b"\r\n")[0] in (b"HTTP/1.1 408 Request Timeout", b"HTTP/1.1 415 Unsupported Media Type")
    if b" 408 " in answer:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["extensions"]["code"] == "REQUEST_TIMEOUT"
    await until(lambda: not busy())


async def test_a_connection_that_says_nothing_is_closed(impatient: Client) -> None:
    async with raw_socket(impatient.url) as silent:
        async with asyncio.timeout(5):
            assert await silent.read_all() == b""


async def test_a_connection_without_another_request_is_closed_long_before_a_request_would_be_late(
    services: Services,
) -> None:
    async with changed(services, read_timeout=600) as client, raw_socket(client.url) as idle:
        await idle.send(post(b'{"query": "{ __typename }"}'))
        assert await idle.read_all() != b""


async def test_a_body_that_comes_byte_by_byte_is_ended(impatient: Client) -> None:
    async with raw_socket(impatient.url) as slow:
        await slow.send(post(b"", length=1000))
        sending = asyncio.create_task(trickle(slow))
        async with asyncio.timeout(5):
            assert b" 408 " in await slow.read_all()
        sending.cancel()
    await until(lambda: not busy())


async def trickle(slow: RawSocket) -> None:
    while True:
        await slow.send(b" ")
        await asyncio.sleep(0.05)


async def test_a_long_body_gets_more_time(impatient: Client) -> None:
    body = json.dumps({"query": "{ __typename }"}).encode() + b" " * 500_000
    async with raw_socket(impatient.url) as slow:
        await slow.send(post(b"", length=len(body)))
        for at in range(0, len(body), 50_000):
            await slow.send(body[at : at + 50_000])
            await asyncio.sleep(SECONDS / 2)
        assert b'{"data":{"__typename":"Query"}}' in await slow.read()


async def test_a_head_without_end_is_refused_long_before_its_time(client: Client) -> None:
    async with raw_socket(client.url) as endless:
        await endless.send(b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000)
        async with asyncio.timeout(5):
            assert b"HTTP/1.1 431 " in await endless.read()


async def test_a_request_that_waits_for_the_one_before_it_is_not_late(
    services: Services, impatient: Client, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    send = 'mutation ($id: ID!) { sendMessage(input: {conversationId: $id, content: "Hi"}) { reply { content } } }'
    first = json.dumps({"query": send, "variables": {"id": conversation.id}}).encode()
    async with raw_socket(impatient.url) as patient:
        await patient.send(post(first) + post(b'{"query":' + b" " * 200_000, length=200_100))
        await asyncio.sleep(3)
        engine.answer("Hello.")
        assert b'"Hello."' in await patient.read()


async def test_a_message_that_does_not_end_closes_the_socket(impatient: Client) -> None:
    async with raw_socket(impatient.url) as silent:
        await silent.upgrade()
        await silent.send(frame(b'{"type": "ping"}')[:-1])
        async with asyncio.timeout(5):
            closing = await silent.read_all()
    assert b"Message not complete in time" in closing
    await until(lambda: not busy())


async def test_an_idle_socket_stays_open(impatient: Client) -> None:
    async with raw_socket(impatient.url) as idle:
        await idle.upgrade()
        await asyncio.sleep(3)
        await idle.send_message({"type": "ping"})
        assert b"pong" in await idle.read()


async def test_only_so_many_bytes_wait_for_one_socket(services: Services, conversation: str) -> None:
    async with changed(services, max_backlog=5_000_000) as client, raw_socket(client.url, 65536) as slow:
        await slow.upgrade()
        for number in range(12):
            await slow.send_message(ask(conversation, str(number)))
        # Two systems take some answers, two wait, and the others fail.
        await until(lambda: len(busy()) > 1)
        await asyncio.sleep(1)
        seen = b""
        while seen.count(b'"type":"complete"') + seen.count(b'"type":"error"') < 12:
            part = await slow.read(1_000_000)
            assert part, seen[-200:]
            seen += part
        assert seen.count(b'"code":"BACKLOG_TOO_LONG"') == seen.count(b'"type":"error"') > 0
        assert seen.count(b'"type":"next"') >= 2
        await slow.send_message(ask(conversation))
        assert b'"type":"next"' in await slow.read()


async def test_rubbish_after_a_send_that_failed_ends_the_socket_quietly(services: Services) -> None:
    """The client is gone, but what it sent before is still read."""
    came = iter(['{"type": "connection_init"}', '{"type": "ping"}', "rubbish"])

    async def receive() -> Any:
        if not connected:
            connected.append(True)
            return {"type": "websocket.connect"}
        return {"type": "websocket.receive", "text": next(came)}

    async def send(message: Any) -> None:
        if message["type"] != "websocket.accept":
            raise OSError

    connected: list[bool] = []
    operations = Operations(
        schema, Limits.of(services.settings), Documents({}, False), lambda caller: Context(services, caller)
    )
    connections = OpenConnections(1, services.connections)
    sockets = Sockets(operations, Gate(services), Origins([]), connections, services.settings)
    scope = {"type": "websocket", "subprotocols": ["graphql-transport-ws"], "headers": []}
    await sockets.serve(WebSocket(scope, receive, send))
    assert connections.count == 0


async def test_the_server_that_people_run_lets_go_too_and_lives_on(tmp_path: Path) -> None:
    """Its event loop is another one than that of the other tests."""
    settings = {"READ_TIMEOUT": "1", "SEND_TIMEOUT": "1", "MAX_CONNECTIONS": "1"}
    with (tmp_path / "log").open("wb") as log:
        async with started(tmp_path, log, **settings) as (_, client):
            made = await client.run('mutation { createCharacter(input: {name: "Ada"}) { character { id } } }')
            history = [{"role": "user", "content": "x" * 90_000}] * 20
            id = made["createCharacter"]["character"]["id"]
            imported = (await client.run(IMPORT, id=id, history=history))["importConversation"]
            async with raw_socket(client.url) as stuck, raw_socket(client.url) as silent:
                await stuck.upgrade()
                for number in range(MANY):
                    await stuck.send_message(ask(imported["conversation"]["id"], str(number)))
                assert await silent.read_all() == b""
                await until(lambda: opens(client))
    assert (tmp_path / "log").read_bytes() == b""


IMPORT = """mutation ($id: ID!, $history: JSON!) {
    importConversation(input: {characterId: $id, chatHistory: $history}) { conversation { id } } }"""


async def opens(client: Client) -> bool:
    try:
        async with client.socket():
            return True
    except InvalidStatus:
        return False


async def test_the_system_too_lets_go_of_who_does_not_read(tmp_path: Any) -> None:
    with _listen(Settings(_env_file=None, port=0, send_timeout=7)) as listener:
        async with raw_socket(f"http://127.0.0.1:{listener.getsockname()[1]}"):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(6, 18) == 7000
