"""One server of several processes: `app.py serve --workers N` on SQLite, with nothing installed."""

import asyncio
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.engines.weights import bundled_weights, obstacle
from tests.support.client import Client
from tests.support.makers import until
from tests.support.processes import refused, started
from tests.test_app import HISTORY, SEND, WATCH, collect, fold
from tests.test_draining import closed, opened
from tests.test_processes import CONTINUE, LAST, first_conversation

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the processes are found in Linux's /proc")

COUNT = 2
WORKERS = ("serve", "--workers", str(COUNT))


def children(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def is_alive(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return False


def program(pid: int) -> str:
    return next(iter(re.findall(rb"\w+\.py", Path(f"/proc/{pid}/cmdline").read_bytes())), b"").decode()


@asynccontextmanager
async def served(folder: Path, **settings: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Client]]:
    async with started(folder, None, WORKERS, **settings) as (supervisor, client):
        workers = children(supervisor.pid)
        try:
            yield supervisor, client
        finally:
            if supervisor.returncode is None:
                supervisor.terminate()
                await supervisor.wait()
            await until(lambda: not any(map(is_alive, workers)))


async def posted(url: str, document: str, **variables: Any) -> Any:
    """Send one request over a connection of its own, so that any of the workers may answer."""
    async with httpx2.AsyncClient(timeout=60) as http:
        return await Client(http, url).run(document, **variables)


def writer_of_open_run(folder: Path) -> int | None:
    with sqlite3.connect(f"file:{folder}/repartee.db?mode=ro", uri=True) as database:
        found = database.execute("SELECT writer FROM runs WHERE ended IS NULL").fetchone()
    database.close()
    return int(found[0].split(":")[1]) if found else None


async def test_a_reply_of_one_worker_is_watched_through_all(tmp_path: Path) -> None:
    async with served(tmp_path, BUILTIN_PACE="20") as (supervisor, client):
        assert len(children(supervisor.pid)) == COUNT
        conversation = await first_conversation(client)
        sent = (await posted(client.url, SEND, id=conversation, content="Hello", mode="BACKGROUND"))["sendMessage"]
        after = sent["streamCursor"]
        # Each is a connection of its own.
        watchers = [client.watch_socket(WATCH, id=conversation, after=after) for _ in range(12)]
        seen = await asyncio.gather(*map(collect, watchers))
        last = (await posted(client.url, LAST, id=conversation))["conversation"]["lastMessage"]
        assert last["status"] == "COMPLETED"
        assert {fold(events) for events in seen} == {last["content"]}
        # Those of other workers saw it grow, too, and not only by checkpoints.
        assert min(len(events) for events in seen) > 5


async def test_the_death_of_a_worker_interrupts_its_replies_and_nothing_else(tmp_path: Path) -> None:
    async with served(tmp_path, BUILTIN_PACE="100") as (supervisor, client):
        conversation = await first_conversation(client)
        await client.run(SEND, id=conversation, content="Hello", mode="BACKGROUND")
        await until(lambda: writer_of_open_run(tmp_path))
        victim = writer_of_open_run(tmp_path)
        assert victim in children(supervisor.pid)
        os.kill(victim, signal.SIGKILL)
        await until(lambda: writer_of_open_run(tmp_path) is None)
        # Another one has taken its place.
        await until(
            lambda: len([pid for pid in children(supervisor.pid) if is_alive(pid) and pid != victim]) == COUNT
        )
        last = (await posted(client.url, LAST, id=conversation))["conversation"]["lastMessage"]
        assert (last["status"], last["failure"]["code"]) == ("INTERRUPTED", "INTERRUPTED")
        whole = (await posted(client.url, CONTINUE, id=last["id"]))["continueReply"]
        assert whole["reply"]["status"] == "COMPLETED"
        assert whole["reply"]["content"].startswith(last["content"])


async def test_a_reload_replaces_all_workers_and_refuses_no_request(tmp_path: Path) -> None:
    async with served(tmp_path) as (supervisor, client):
        before, answers = set(children(supervisor.pid)), 0
        supervisor.send_signal(signal.SIGHUP)
        while set(children(supervisor.pid)) & before:
            assert await posted(client.url, "{ serverInfo { version } }")
            answers += 1
        assert answers
        await until(lambda: len(children(supervisor.pid)) == COUNT)


async def test_the_workers_end_with_the_supervisor(tmp_path: Path) -> None:
    async with served(tmp_path) as (supervisor, _):
        workers = children(supervisor.pid)
        supervisor.kill()
        await supervisor.wait()
        await until(lambda: not any(map(is_alive, workers)))


async def test_ctrl_c_ends_all_and_the_replies_keep_their_text(tmp_path: Path) -> None:
    async with served(tmp_path, BUILTIN_PACE="300") as (supervisor, client):
        conversation = await first_conversation(client)
        await client.run(SEND, id=conversation, content="Hello", mode="BACKGROUND")
        workers = children(supervisor.pid)
        supervisor.send_signal(signal.SIGINT)
        assert await supervisor.wait() == 0
        assert not any(map(is_alive, workers))
    async with served(tmp_path) as (_, client):
        [_, _, reply] = (await client.run(HISTORY, id=conversation))["conversation"]["chatHistory"]
        assert reply["content"]


async def test_many_writers_on_sqlite_are_all_heard(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, client):
        conversation = await first_conversation(client)
        [character] = (await client.run("{ characters { id } }"))["characters"]
        create = "mutation ($id: ID!) { createConversation(input: {characterId: $id}) { userErrors { message } } }"
        made = await asyncio.gather(*(posted(client.url, create, id=character["id"]) for _ in range(60)))
        assert all(one["createConversation"]["userErrors"] == [] for one in made)
        count = "query ($id: ID!) { character(id: $id) { conversationCount } }"
        assert (await client.run(count, id=character["id"]))["character"]["conversationCount"] == 61
        assert conversation


async def test_a_worker_that_cannot_start_ends_the_supervisor_with_its_reason(tmp_path: Path) -> None:
    code, said = await refused(tmp_path, *WORKERS, DOCUMENTS_FILE="missing.json")
    assert code == 1
    assert "missing.json" in said


@pytest.mark.parametrize("count", ["0", "x", "1000"])
async def test_a_number_of_workers_that_makes_no_sense_is_refused(tmp_path: Path, count: str) -> None:
    code, said = await refused(tmp_path, "serve", "--workers", count)
    assert code == 2
    assert "must be a number from 1 to 256" in said


async def test_all_workers_know_one_start_token(tmp_path: Path) -> None:
    async with served(tmp_path, ACCESS="token", TOKEN="") as (_, client):
        url, _, token = client.url.partition("#token=")
        assert token
        for _ in range(12):
            async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
                assert await Client(http, url).run("{ characters { name } }")


@pytest.mark.skipif(bool(obstacle()) or not bundled_weights(), reason="the local model cannot run here")
async def test_the_workers_share_one_local_model(tmp_path: Path) -> None:
    async with served(tmp_path, ENGINE="local") as (supervisor, client):
        conversation = await first_conversation(client)
        sent = (await client.run(SEND, id=conversation, content="Good morning! Who are you?"))["sendMessage"]
        assert sent["reply"]["status"] == "COMPLETED"
        below = [pid for child in [supervisor.pid, *children(supervisor.pid)] for pid in children(child)]
        assert [program(pid) for pid in below].count("local_child.py") == 1


async def test_a_reload_lets_a_reply_end_and_closes_the_sockets_for_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path, BUILTIN_PACE="100", GRACE="300") as (supervisor, client):
        async with opened(client, 20) as idle:
            conversation = await first_conversation(client)
            await posted(client.url, SEND, id=conversation, content="Hello", mode="BACKGROUND")
            before = set(children(supervisor.pid))
            supervisor.send_signal(signal.SIGHUP)
            codes = [code for code, _ in await asyncio.gather(*map(closed, idle))]
        assert codes == [1012] * 20
        await until(lambda: not set(children(supervisor.pid)) & before)
        last = (await posted(client.url, LAST, id=conversation))["conversation"]["lastMessage"]
        assert last["status"] == "COMPLETED"
