"""What the README says is so: its settings, its operations, and its clients."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from services.settings import Settings
from tests.support.client import Client
from tests.support.processes import started

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def shown(default: object) -> str:
    if default in (None, ()):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_the_table_of_settings_is_the_settings() -> None:
    rows = re.findall(r"^\| `REPARTEE_(\w+)` \| (.*?) \| (.*) \|$", README, re.MULTILINE)
    assert [tuple(row) for row in rows] == [
        (name.upper(), shown(field.default), field.description) for name, field in Settings.model_fields.items()
    ]


@pytest.mark.parametrize("document", blocks("graphql"))
async def test_every_query_runs(document: str, client: Client) -> None:
    assert await client.run(document)


async def test_the_shell_commands_hold_a_conversation(tmp_path: Path) -> None:
    [commands] = [block for block in blocks("sh") if "sendMessage" in block]
    async with started(tmp_path, BUILTIN_PACE="0") as (_, client):
        script = commands.replace("http://127.0.0.1:8000/graphql", client.url)
        said = await run("bash", "-ec", script)
        assert '"status":"COMPLETED"' in said
        assert said.count('"userErrors":[]') == 1
        assert "Will it rain?" in said.splitlines()[-1] or "Will it rain?" in said
        answer = await client.run('{ characters(search: "mira") { conversations { chatHistory topic } } }')
        [conversation] = answer["characters"][0]["conversations"]
        assert conversation["topic"] == "the weather at sea"
        assert [item["role"] for item in conversation["chatHistory"]] == ["assistant", "user", "assistant"]


async def test_the_twenty_line_client_shows_the_reply(tmp_path: Path) -> None:
    [program] = blocks("python")
    (tmp_path / "watch.py").write_text(program)
    async with started(tmp_path, BUILTIN_PACE="5") as (_, client):
        said = await run(sys.executable, str(tmp_path / "watch.py"), client.url)
        answer = await client.run("{ conversations(first: 1) { lastMessage { content status } } }")
        last = answer["conversations"][0]["lastMessage"]
        assert last == {"content": said.removesuffix("\n"), "status": "COMPLETED"}


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return said.decode()
