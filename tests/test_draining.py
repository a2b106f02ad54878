"""Draining: a server that is told to stop closes its connections a few at a time, a running reply's last."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.support.client import Client, subscribe
from tests.support.processes import started
from tests.test_app import CREATE, HISTORY, SEND, WATCH, fold
from tests.test_many_servers import CHANGED
from tests.test_processes import LAST, first_conversation, to_the_end

# So many that their closing takes two seconds, in which a reply grows.
IDLE = 200
# Longer than any test takes, so that only what ends by itself ends.
GRACE = "300"


@asynccontextmanager
async def opened(client: Client, count: int) -> AsyncIterator[list[ClientConnection]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(client.socket()) for _ in range(count)]


async def closed(socket: ClientConnection) -> tuple[int, str]:
    return await events_of(socket, [])


async def events_of(socket: ClientConnection, seen: list[dict[str, Any]]) -> tuple[int, str]:
    """Note the reply events that come; return with which code and reason the server closes the socket."""
    with suppress(ConnectionClosed):
        async for message in socket:
            if (event := json.loads(message))["type"] == "next":
                seen.append(event["payload"]["data"]["replyStream"])
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


async def talking(client: Client, socket: ClientConnection) -> str:
    """Let a reply begin, and be watched through the socket. Return the conversation."""
    conversation = await first_conversation(client)
    await client.run(SEND, id=conversation, content="Hello", mode="BACKGROUND")
    await socket.send(subscribe("1", WATCH, id=conversation, untilDone=False))
    return conversation


async def test_idle_sockets_close_a_few_at_a_time_and_the_watcher_of_a_reply_when_it_has_ended(
    tmp_path: Path,
) -> None:
    async with started(tmp_path, BUILTIN_PACE="100", GRACE=GRACE) as (process, client):
        async with opened(client, IDLE) as idle, client.socket() as watcher:
            conversation = await talking(client, watcher)
            seen: list[dict[str, Any]] = [json.loads(await watcher.recv())["payload"]["data"]["replyStream"]]
            watching = asyncio.create_task(events_of(watcher, seen))
            process.send_signal(signal.SIGTERM)

            async def moment_of(socket: ClientConnection) -> int:
                assert await closed(socket) == (1012, "Service Restart")
                return len(seen)

            moments = await asyncio.gather(*map(moment_of, idle))
            assert not watching.done()
            # The events of the reply are the clock: some came between the first that was closed and the last.
            assert len(set(moments)) > 4
            assert await watching == (1012, "Service Restart")
            assert seen[-1]["__typename"] == "ReplyFinished"
        assert await process.wait() == 0
    async with started(tmp_path) as (_, client):
        last = (await client.run(LAST, id=conversation))["conversation"]["lastMessage"]
        assert (last["status"], last["content"]) == ("COMPLETED", fold(seen))


async def test_a_draining_socket_begins_nothing_that_the_next_server_can_begin(tmp_path: Path) -> None:
    async with started(tmp_path, BUILTIN_PACE="0") as (process, client):
        conversation = await first_conversation(client)
        async with opened(client, IDLE) as idle:
            process.send_signal(signal.SIGTERM)
            await closed(idle[0])
            # Its turn to be closed comes last.
            await idle[-1].send(subscribe("1", SEND, id=conversation, content="Hello"))
            assert await closed(idle[-1]) == (1012, "Service Restart")
        assert await process.wait() == 0
    async with started(tmp_path) as (_, client):
        history = (await client.run(HISTORY, id=conversation))["conversation"]["chatHistory"]
        assert [item["role"] for item in history] == ["assistant"]


async def test_a_mutation_that_waits_for_its_reply_is_answered_before_its_socket_closes(tmp_path: Path) -> None:
    async with started(tmp_path, BUILTIN_PACE="60", GRACE=GRACE) as (process, client):
        conversation = await first_conversation(client)
        async with client.socket() as waiting:
            await waiting.send(subscribe("1", SEND, id=conversation, content="Hello"))
            async with aclosing(client.watch_socket(WATCH, id=conversation, untilDone=False)) as events:
                await anext(events)
            process.send_signal(signal.SIGTERM)
            answer = json.loads(await waiting.recv())
            assert answer["payload"]["data"]["sendMessage"]["reply"]["status"] == "COMPLETED"
            assert json.loads(await waiting.recv())["type"] == "complete"
            assert (await closed(waiting))[0] == 1012
        assert await process.wait() == 0


@pytest.mark.parametrize("media", ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
async def test_a_stream_over_http_ends_early_unless_it_shows_a_running_reply(media: str, tmp_path: Path) -> None:
    async with started(tmp_path, BUILTIN_PACE="100", GRACE=GRACE) as (process, client):
        conversation = await first_conversation(client)
        await client.run(SEND, id=conversation, content="Hello", mode="BACKGROUND")
        headers, variables = {"accept": media}, {"id": conversation}
        idle = {"json": {"query": CHANGED, "variables": variables}, "headers": headers}
        async with client.http.stream("POST", client.url, **idle) as response:
            watching = asyncio.create_task(to_the_end(client, conversation, media))
            async with aclosing(client.watch_socket(WATCH, id=conversation)) as events:
                await anext(events)
            process.send_signal(signal.SIGTERM)
            idled = await response.aread()
            assert not watching.done()
        watched = await watching
        assert b"conversationChanged" in idled
        assert b"ReplyFinished" in watched
        for body in (idled, watched):
            # A stream that ends because the server stops does not say that it is complete.
            assert b"event: complete" not in body
            assert b"--graphql--" not in body
        assert await process.wait() == 0


async def test_ctrl_c_with_an_open_page_waits_for_nothing(tmp_path: Path) -> None:
    async with started(tmp_path, GRACE=GRACE) as (process, client), opened(client, 3):
        async with aclosing(client.watch(CHANGED, id=await first_conversation(client))) as events:
            await anext(events)
            process.send_signal(signal.SIGINT)
            # Less than the grace by far.
            async with asyncio.timeout(60):
                assert await process.wait() == 0


async def test_a_kept_connection_has_one_more_answer_and_its_reply_is_written_to_the_end(tmp_path: Path) -> None:
    """As a proxy keeps them, which would else send more and more to the server that stops."""
    async with started(tmp_path, BUILTIN_PACE="60", GRACE=GRACE) as (process, client):
        async with client.socket() as idle, client.socket() as watcher:
            await talking(client, watcher)
            made = await client.run('mutation { createCharacter(input: {name: "Ada"}) { character { id } } }')
            begun = await client.run(CREATE, id=made["createCharacter"]["character"]["id"])
            process.send_signal(signal.SIGTERM)
            await closed(idle)
            id = begun["createConversation"]["conversation"]["id"]
            request = {"query": SEND, "variables": {"id": id, "content": "Hello"}}
            answer = await client.http.post(client.url, json=request)
            assert answer.json()["data"]["sendMessage"]["reply"]["status"] == "COMPLETED"
            assert answer.headers["connection"] == "close"
            with pytest.raises(httpx2.ConnectError):
                await client.http.post(client.url, json=request)
            seen: list[dict[str, Any]] = []
            await events_of(watcher, seen)
            assert seen[-1]["__typename"] == "ReplyFinished"
        assert await process.wait() == 0
