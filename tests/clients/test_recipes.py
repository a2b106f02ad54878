"""The README's reconnect recipes survive a server that is killed in mid-reply and comes back."""

import asyncio
import json
import socket
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.clients.conftest import HERE
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
        command = [node, str(HERE / "recipes.mjs"), client.url, id, sent["streamCursor"], str(recipes())]
        watching = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
        assert watching.stdout is not None
        assert await watching.stdout.readline() == b"all have begun\n"
        server.kill()
        await server.wait()
    async with started(tmp_path, PORT=port):
        said, errors = await watching.communicate()
    problems = {one["name"]: one["problem"] for one in map(json.loads, said.splitlines())}
    assert problems == {"graphql-ws": None, "apollo": None, "urql": None}, errors.decode()
