"""The README's reconnect recipes survive a server that is killed in mid-reply and comes back."""

import asyncio
import json
import signal
import socket
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from tests.clients.conftest import HERE
from tests.support import redis
from tests.support.balancer import Balancer
from tests.support.processes import started
from tests.test_app import SEND
from tests.test_processes import first_conversation
from tests.test_readme import blocks


def recipes() -> Path:
    """Put the README's programs where they find their packages."""
    folder = HERE / "node_modules" / ".recipes"
    folder.mkdir(exist_ok=True)
    (folder / "recipes.mjs").write_text("\n".join(blocks("js")))
    return folder / "recipes.mjs"


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


async def test_every_recipe_ends_with_the_stored_text(node: str, tmp_path: Path) -> None:
    port = free_port()
    async with started(tmp_path, PORT=port, BUILTIN_PACE="150") as (server, client):
        id = await first_conversation(client)
        sent = (await client.run(SEND, id=id, content="Go on", mode="BACKGROUND"))["sendMessage"]
        watching = await begun(node, client.url, id, sent["streamCursor"], "INTERRUPTED")
        server.kill()
        await server.wait()
    async with started(tmp_path, PORT=port):
        await ended(watching)


@pytest.mark.parametrize(
    ("ended_server", "sign", "ending"),
    [
        ("writer", signal.SIGKILL, "INTERRUPTED"),
        ("other", signal.SIGKILL, "ReplyFinished"),
        ("other", signal.SIGTERM, "ReplyFinished"),
    ],
)
async def test_every_recipe_goes_on_at_another_server(
    node: str, tmp_path: Path, shared_database: str, ended_server: str, sign: signal.Signals, ending: str
) -> None:
    """Two servers behind one address, PostgreSQL and Redis: either ends while both show the reply."""
    with redis.available() as broker:
        settings = {"DATABASE_URL": shared_database, "BROKER_URL": broker, "BUILTIN_PACE": "150"}
        async with started(tmp_path, **settings) as one, started(tmp_path, **settings) as two:
            (writer, client), (other, _) = one, two
            async with Balancer.of(one[1], two[1]) as address:
                id = await first_conversation(client)
                sent = (await client.run(SEND, id=id, content="Go on", mode="BACKGROUND"))["sendMessage"]
                watching = await begun(node, f"{address}/graphql", id, sent["streamCursor"], ending)
                victim = writer if ended_server == "writer" else other
                victim.send_signal(sign)
                await victim.wait()
                await ended(watching)


async def begun(node: str, url: str, id: str, after: str, ending: str) -> Process:
    """Let all recipes watch; return once each has some text."""
    command = [node, str(HERE / "recipes.mjs"), url, id, after, str(recipes()), ending]
    watching = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    assert watching.stdout is not None
    assert await watching.stdout.readline() == b"all have begun\n"
    return watching


async def ended(watching: Process) -> None:
    said, errors = await watching.communicate()
    problems = {one["name"]: one["problem"] for one in map(json.loads, said.splitlines())}
    assert problems == {"graphql-ws": None, "apollo": None, "urql": None}, errors.decode()
