"""Several servers on PostgreSQL, with Redis or NOTIFY between them: each promise holds across all of them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import redis
from tests.support.client import Client
from tests.support.processes import started
from tests.support.redis import RedisServer
from tests.test_app import SEND, WATCH, collect, fold
from tests.test_processes import LAST, first_conversation

STOP = """mutation ($id: ID!) { stopReply(input: {conversationId: $id}) {
    reply { content status } userErrors { message } } }"""
RENAME = """mutation ($id: ID!) { updateConversation(input: {conversationId: $id, title: "Another"}) {
    userErrors { message } } }"""
CHANGED = """subscription ($id: ID!) { conversationChanged(conversationId: $id) { conversation { title } } }"""


@asynccontextmanager
async def servers(folder: Path, database: str, broker: str, pace: str = "40") -> AsyncIterator[list[Client]]:
    """Two servers that are told of the same database and broker."""
    settings = {"DATABASE_URL": database, "BROKER_URL": broker, "BUILTIN_PACE": pace}
    async with started(folder, **settings) as (_, one), started(folder, **settings) as (_, two):
        yield [one, two]


@pytest.fixture(params=["redis", "notify"])
async def pair(
    request: pytest.FixtureRequest, tmp_path: Path, shared_database: str
) -> AsyncIterator[list[Client]]:
    if request.param == "notify":
        async with servers(tmp_path, shared_database, "") as pair:
            yield pair
        return
    with redis.available() as broker:
        async with servers(tmp_path, shared_database, broker) as pair:
            yield pair


async def said(client: Client, conversation: str) -> tuple[str, str]:
    last = (await client.run(LAST, id=conversation))["conversation"]["lastMessage"]
    return last["status"], last["content"]


async def until_longer(events: AsyncGenerator[dict[str, Any], None], seen: list[Any], length: int) -> None:
    """Take events until their text is longer."""
    while len(fold(seen)) <= length:
        seen.append((await anext(events))["data"]["replyStream"])


async def test_a_reply_of_one_server_is_the_same_in_all_and_over_any_transport(pair: list[Client]) -> None:
    here, there = pair
    id = await first_conversation(here)
    after = (await here.run(SEND, id=id, content="Hello", mode="BACKGROUND"))["sendMessage"]["streamCursor"]
    streams = [watch(WATCH, id=id, after=after) for one in pair for watch in (one.watch, one.watch_socket)]
    seen = await asyncio.gather(*map(collect, streams))
    status, content = await said(there, id)
    assert status == "COMPLETED"
    assert [fold(events) for events in seen] == [content] * 4
    assert min(len(events) for events in seen) > 5


async def test_a_stop_through_another_server_keeps_all_that_was_seen(pair: list[Client]) -> None:
    here, there = pair
    id = await first_conversation(here)
    await here.run(SEND, id=id, content="Hello", mode="BACKGROUND")
    events, seen = here.watch_socket(WATCH, id=id), []
    await until_longer(events, seen, 10)
    stopped = (await there.run(STOP, id=id))["stopReply"]["reply"]
    assert stopped["status"] == "STOPPED"
    seen += await collect(events)
    assert seen[-1]["__typename"] == "ReplyFinished"
    assert fold(seen) == stopped["content"] == (await said(here, id))[1]


async def test_a_change_in_one_server_is_told_by_the_other(pair: list[Client]) -> None:
    here, there = pair
    id = await first_conversation(here)
    changes = there.watch_socket(CHANGED, id=id)
    await anext(changes)
    await here.run(RENAME, id=id)
    change = await anext(changes)
    assert change["data"]["conversationChanged"]["conversation"]["title"] == "Another"
    await changes.aclose()


async def test_a_broker_that_dies_in_the_middle_of_a_reply_loses_no_text(
    tmp_path: Path, shared_database: str
) -> None:
    with RedisServer() as broker:
        async with servers(tmp_path, shared_database, broker.url, pace="100") as [here, there]:
            id = await first_conversation(here)
            await here.run(SEND, id=id, content="Hello", mode="BACKGROUND")
            events, seen = there.watch_socket(WATCH, id=id), []
            await until_longer(events, seen, 0)
            broker.kill()
            # By checkpoints.
            await until_longer(events, seen, len(fold(seen)) + 10)
            broker.start()
            seen += await collect(events)
            assert ("COMPLETED", fold(seen)) == await said(there, id)


async def test_without_their_broker_servers_do_the_same_by_checkpoints(
    tmp_path: Path, shared_database: str
) -> None:
    with RedisServer() as broker:
        broker.kill()
        async with servers(tmp_path, shared_database, broker.url, pace="100") as [here, there]:
            id = await first_conversation(here)
            await here.run(SEND, id=id, content="Hello", mode="BACKGROUND")
            events, seen = there.watch_socket(WATCH, id=id), []
            await until_longer(events, seen, 10)
            stopped = (await there.run(STOP, id=id))["stopReply"]["reply"]
            seen += await collect(events)
            assert ("STOPPED", fold(seen)) == (stopped["status"], stopped["content"]) == await said(here, id)
