"""Starting, stopping and dying: what a person sees, and what is there afterwards."""

import asyncio
import json
import signal
import socket
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import IO, Any

import pytest

from services.settings import Settings
from tests.support.client import Client, subscribe
from tests.support.makers import until
from tests.support.processes import refused, started
from tests.test_app import HISTORY, SEND, WATCH, collect, fold

GRACE_SECONDS = Settings.model_fields["grace"].default
FIRST_LOOK = "{ characters { name conversations { id messages { role content status } } } }"
LAST = (
    "query ($id: ID!) { conversation(id: $id) { lastMessage { id content status failure { code isRetryable } } } }"
)
CONTINUE = """mutation ($id: ID!) { continueReply(input: {messageId: $id}) {
    reply { content status } userErrors { message } } }"""


async def first_conversation(client: Client) -> str:
    [character] = (await client.run(FIRST_LOOK))["characters"]
    return character["conversations"][0]["id"]


async def until_text(events: AsyncGenerator[dict[str, Any], None]) -> list[dict[str, Any]]:
    """Take events until some text has come."""
    seen = []
    async for event in events:
        seen.append(event["data"]["replyStream"])
        if len(fold(seen)) > 20:
            return seen
    raise AssertionError("the stream ended without text")


async def test_the_first_query_shows_somebody_to_talk_with(tmp_path: Path) -> None:
    async with started(tmp_path) as (_, client):
        [character] = (await client.run(FIRST_LOOK))["characters"]
        assert character["conversations"][0]["messages"][0]["role"] == "ASSISTANT"
        health = await client.http.get(client.url.replace("/graphql", "/health"))
        assert health.json()["status"] == "ok"


async def test_a_killed_server_loses_at_most_the_last_second_of_a_reply(tmp_path: Path) -> None:
    async with started(tmp_path, BUILTIN_PACE="100") as (process, client):
        conversation = await first_conversation(client)
        await client.run(SEND, id=conversation, content="Hello", mode="BACKGROUND")
        seen = await until_text(client.watch_socket(WATCH, id=conversation, untilDone=False))
        process.kill()
        await process.wait()
    async with started(tmp_path, BUILTIN_PACE="0") as (_, client):
        last = (await client.run(LAST, id=conversation))["conversation"]["lastMessage"]
        assert last["status"] == "INTERRUPTED"
        assert last["failure"] == {"code": "INTERRUPTED", "isRetryable": True}
        rest = await collect(client.watch(WATCH, id=conversation, after=seen[-1]["cursor"]))
        assert rest[-1]["__typename"] == "ReplyFailed"
        assert fold(seen + rest) == last["content"]
        whole = (await client.run(CONTINUE, id=last["id"]))["continueReply"]
        assert whole["userErrors"] == []
        assert whole["reply"]["status"] == "COMPLETED"
        assert whole["reply"]["content"].startswith(last["content"])
        history = (await client.run(HISTORY, id=conversation))["conversation"]["chatHistory"]
        assert [item["role"] for item in history] == ["assistant", "user", "assistant"]


async def test_a_second_interrupt_waits_for_no_reply(tmp_path: Path) -> None:
    async with started(tmp_path, BUILTIN_PACE="3000") as (process, client):
        conversation = await first_conversation(client)
        await client.run(SEND, id=conversation, content="Hello", mode="BACKGROUND")
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.3)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(GRACE_SECONDS - 0.5):
            assert await process.wait() == 130
    async with started(tmp_path, BUILTIN_PACE="0") as (_, client):
        last = (await client.run(LAST, id=conversation))["conversation"]["lastMessage"]
        assert last["status"] == "INTERRUPTED"


async def test_a_stopping_server_tells_every_watcher_before_it_goes(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        await stop_while_watched(tmp_path, log)
    assert (tmp_path / "log").read_bytes() == b""


async def stop_while_watched(folder: Path, log: IO[bytes]) -> None:
    async with started(folder, log, BUILTIN_PACE="500") as (process, client):
        conversation = await first_conversation(client)
        await client.run(SEND, id=conversation, content="Hello", mode="BACKGROUND")
        streams = [
            asyncio.create_task(last_of(client.watch_socket(WATCH, id=conversation, untilDone=False))),
            asyncio.create_task(last_of(client.watch(WATCH, id=conversation, untilDone=False))),
        ]
        await until_text(client.watch_socket(WATCH, id=conversation, untilDone=False))
        idle = asyncio.create_task(to_the_end(client, conversation))
        await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        for event in await asyncio.gather(*streams):
            assert event["__typename"] == "ReplyFailed"
            assert event["failure"]["code"] == "INTERRUPTED"
        assert await process.wait() == 0
        # A stream that ends because the server stops does not say that it is complete.
        assert b"event: complete" not in await idle


async def to_the_end(client: Client, conversation: str, media: str = "text/event-stream") -> bytes:
    """Return all that a stream without an end sends."""
    request = {"query": WATCH, "variables": {"id": conversation, "untilDone": False}}
    response = await client.http.post(client.url, json=request, headers={"accept": media})
    return response.content


async def last_of(events: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    """Return the last event that came before the connection closed."""
    last: dict[str, Any] = {}
    try:
        async for event in events:
            last = event["data"]["replyStream"]
    except Exception:
        assert last
    return last


async def test_reads_that_are_given_up_and_then_cut_off_break_no_connection(tmp_path: Path) -> None:
    """The server has a moment to end what a client completes; then the socket is gone, too."""
    with (tmp_path / "log").open("wb") as log:
        async with started(tmp_path, log) as (process, client):
            for moment in range(40):
                await asyncio.gather(*(give_up(client, 0.0005 * (moment % 8 + number)) for number in range(4)))
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    assert "ERROR" not in (tmp_path / "log").read_text()


async def give_up(client: Client, seconds: float) -> None:
    """Begin to read, complete that after some seconds, and cut the connection off after half as many."""
    async with client.socket() as connection:
        for id in "123456":
            await connection.send(subscribe(id, FIRST_LOOK))
        await asyncio.sleep(seconds)
        for id in "123456":
            await connection.send(json.dumps({"type": "complete", "id": id}))
        await asyncio.sleep(seconds / 2)
        connection.transport.abort()


async def test_ctrl_c_ends_it_without_a_word_of_failure(tmp_path: Path) -> None:
    async with started(tmp_path) as (process, client):
        await client.run(FIRST_LOOK)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = await refused(tmp_path, PORT=str(taken.getsockname()[1]))
    assert code == 1
    assert said.count("\n") == 1
    assert "REPARTEE_PORT" in said


@pytest.mark.parametrize(
    ("settings", "blamed"),
    [
        ({"PORT": "no"}, "REPARTEE_PORT"),
        ({"PORT": "70000"}, "REPARTEE_PORT"),
        ({"ENGINE": "magic"}, "REPARTEE_ENGINE"),
        ({"ENGINE": "openai"}, "REPARTEE_ENGINE_URL"),
        ({"ENGINE_URL": "not a url"}, "REPARTEE_ENGINE_URL"),
        ({"DATABASE_URL": "nonsense"}, "REPARTEE_DATABASE_URL"),
        ({"DATABASE_URL": "mysql+nothing://x"}, "REPARTEE_DATABASE_URL"),
        ({"WAIT_LIMIT": "-1"}, "REPARTEE_WAIT_LIMIT"),
        ({"HOST": "999.1.1.1"}, "999.1.1.1"),
    ],
)
async def test_a_wrong_setting_is_one_clear_line(settings: dict[str, str], blamed: str, tmp_path: Path) -> None:
    code, said = await refused(tmp_path, **settings)
    assert code == 1
    assert said.count("\n") == 1, said
    assert blamed in said


async def test_a_database_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "rubbish.db").write_bytes(b"\x89PNG" * 1000)
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "foreign.db").touch()
    with sqlite3.connect(tmp_path / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE characters (id INTEGER)")
    foreign.close()
    for name in ("rubbish.db", "folder.db", "foreign.db", "rubbish.db/below.db"):
        code, said = await refused(tmp_path, DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/{name}")
        assert code == 1
        assert said.count("\n") == 1, said
        assert "database" in said


async def test_migrating_and_exporting_are_commands(tmp_path: Path) -> None:
    code, said = await refused(tmp_path, "migrate")
    assert (code, (tmp_path / "repartee.db").exists()) == (0, True)
    code, said = await refused(tmp_path, "export-schema")
    assert code == 0
    assert "type Character implements" in said


async def test_a_server_that_stops_is_not_ready_and_goes_on_answering_for_a_while(tmp_path: Path) -> None:
    async with started(tmp_path, DRAIN_DELAY="2") as (process, client):
        ready = client.url.replace("/graphql", "/ready")
        assert (await client.http.get(ready)).json()["status"] == "ok"
        process.send_signal(signal.SIGTERM)

        async def status() -> str:
            answer = await client.http.get(ready)
            assert answer.status_code == {"ok": 200, "stopping": 503}[answer.json()["status"]]
            return answer.json()["status"]

        async def is_stopping() -> bool:
            return await status() == "stopping"

        await until(is_stopping)
        assert await client.run(FIRST_LOOK)
        assert await process.wait() == 0


async def test_replies_get_the_grace_that_is_set(tmp_path: Path) -> None:
    async with started(tmp_path, BUILTIN_PACE="100", GRACE="60") as (process, client):
        conversation = await first_conversation(client)
        await client.run(SEND, id=conversation, content="Hello", mode="BACKGROUND")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    async with started(tmp_path) as (_, client):
        last = (await client.run(LAST, id=conversation))["conversation"]["lastMessage"]
        assert last["status"] == "COMPLETED"
