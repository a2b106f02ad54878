"""What the READMEs say is so: settings, operations, answers, clients, codes of errors, links."""

import ast
import asyncio
import re
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from models import FailureCode
from services.errors import UserErrorCode
from services.settings import Settings
from tests.support.client import Client
from tests.support.processes import environment, started

ROOT = Path(__file__).parents[1]
FOLDERS = (".", "schema", "models", "services", "tests", "tests/benchmarks")
READMES = {folder: (ROOT / folder / "README.md").read_text() for folder in FOLDERS}
README = READMES["."]

# Texts in capitals in the code that are no codes of errors.
NO_CODES = {"OPTIONS", "DELETE", "PASSWORD", "SETUP_CODE", "FIRST_COMPLETED"}
RAISING = [*(ROOT / "schema" / "endpoint").rglob("*.py"), ROOT / "services" / "errors.py"]


def blocks(language: str) -> list[str]:
    """Return the blocks of a language, of the README and of that of the contract."""
    text = README + READMES["schema"]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shown(default: object) -> str:
    if default in (None, ()):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_the_table_of_settings_is_the_settings() -> None:
    rows = re.findall(r"^\| `REPARTEE_(\w+)` \| (.*?) \| (.*) \|$", README, re.MULTILINE)
    assert [tuple(row) for row in rows] == [
        (name.upper(), shown(field.default), field.description) for name, field in Settings.model_fields.items()
    ]


def test_the_table_of_errors_has_every_code_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| .+ \| .+ \|$", READMES["schema"], re.MULTILINE)
    codes = {*UserErrorCode, *FailureCode, *(code for path in RAISING for code in in_capitals(path))}
    assert sorted(rows) == sorted(codes - NO_CODES)


def in_capitals(path: Path) -> set[str]:
    """Return the texts of a module that look like codes of errors."""
    constants = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    texts = (value for value in constants if isinstance(value, str))
    return {text for text in texts if len(text) > 5 and re.fullmatch(r"[A-Z]+(_[A-Z]+)*", text)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_link_leads_somewhere(folder: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", READMES[folder]):
        path, _, anchor = link.partition("#")
        if path.startswith(("http:", "https:")):
            continue
        target = (ROOT / folder / path) if path else ROOT / folder / "README.md"
        assert target.exists(), link
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}, link


@pytest.mark.parametrize("folder", ["schema", "models", "services", "tests"])
def test_what_a_folders_readme_names_is_there(folder: str) -> None:
    """In tables, the names of files and folders."""
    for row in re.findall(r"^\| .*\|$", READMES[folder], re.MULTILINE):
        for name in re.findall(r"`([a-z_/]+(?:/|\.py))`", row):
            assert (ROOT / folder / name).exists(), name


@pytest.mark.parametrize("document", blocks("graphql"))
async def test_every_query_runs(document: str, client: Client) -> None:
    assert await client.run(document)


async def test_the_first_question_has_the_answer_that_is_shown(tmp_path: Path) -> None:
    [question] = [block for block in blocks("sh") if "characters { name conversations" in block]
    [answer] = blocks("json")
    async with started(tmp_path) as (_, client):
        said = await run("bash", "-ec", question.replace("http://127.0.0.1:8000/graphql", client.url))
    assert said == answer.removesuffix("\n")


async def test_the_lines_that_it_prints_are_those_that_are_shown(tmp_path: Path) -> None:
    """Up to what differs from machine to machine."""
    [shown_lines] = blocks("text")
    async with program(tmp_path) as process:
        assert process.stdout is not None
        said = [(await process.stdout.readline()).decode() for _ in shown_lines.splitlines()]
    assert [line[:12] for line in said] == [line[:12] for line in shown_lines.splitlines(keepends=True)]


@asynccontextmanager
async def program(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "app.py", cwd=ROOT, env=environment(folder), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.terminate()
        await process.communicate()


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


async def test_a_backup_is_whole_and_can_be_made_again(tmp_path: Path) -> None:
    [command] = re.findall(r"^\.venv/bin/python -c .*VACUUM INTO.*$", READMES["models"], re.MULTILINE)
    async with started(tmp_path) as (_, client):
        await client.run("{ __typename }")
        [database] = files(tmp_path, "*.db")
        command = command.replace(".venv/bin/python", sys.executable).replace("data/repartee.db", str(database))
        await run("bash", "-ec", f"cd {tmp_path} && {command} && sleep 1.1 && {command}")
    copies = files(tmp_path, "backup-*.db")
    assert len(copies) == 2
    with closing(sqlite3.connect(copies[0])) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT name FROM characters").fetchall() == [("Ayla",)]


def files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.rglob(pattern))


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
