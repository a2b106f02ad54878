"""The commands `import` and `export`, and the same import for one history over GraphQL."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

import app
from models import Database, everyone
from models.migrations import upgrade
from services import Services
from tests.services.legacy.old_files import (
    ADA,
    CHARACTERS,
    add,
    legacy_db,
    old_db,
    packed,
    sessions_db,
    user,
    write,
)
from tests.support.client import Client
from tests.support.makers import make_character

ROOT = Path(app.__file__).parent
IMPORT = """mutation ($id: ID!, $history: JSON!, $title: String) {
    importConversation(input: {characterId: $id, chatHistory: $history, title: $title}) {
        conversation { title titleSource chatHistory messageCount messages { createdAt metadata } }
        userErrors { __typename code message path } } }"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the commands use a database that does not exist yet."""
    path = tmp_path / "data" / "repartee.db"
    monkeypatch.setenv("REPARTEE_DATABASE_URL", f"sqlite+aiosqlite:///{path}")
    return path


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_an_import_tells_what_it_did(target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = old_db(tmp_path / "old.db")
    assert app.main(["import", str(path)]) == 0
    printed = capsys.readouterr()
    total = (
        "  Total        5              5        11          -        -  "
        "2 encoded twice, 2 other role, 2 tool block"
    )
    assert printed.out.splitlines() == [
        f"{path} (legacy-db)",
        "  Character  New  Conversations  Messages  Unchanged  Skipped  Repaired",
        "  Ada          1              3         7          -        -  2 tool block",
        "  Null         1              1         -          -        -  -",
        "  Empty        1              -         -          -        -  -",
        "  Twice        1              -         -          -        -  1 encoded twice",
        "  Coded        1              1         4          -        -  1 encoded twice, 2 other role",
        total,
        "  Stored error texts among the messages: 1.",
        "  Result: 5 new characters, 5 conversations, 11 messages imported; 0 unchanged.",
    ]
    assert printed.err == ""
    assert app.main(["import", str(path)]) == 0
    assert "  Result: nothing new; 5 conversations unchanged." in capsys.readouterr().out
    assert rows(target, "SELECT count(*) FROM messages") == [(11,)]


def test_a_dry_run_makes_no_database(target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["import", "--dry-run", str(sessions_db(tmp_path / "new.db"))]) == 0
    assert "This was a dry run: nothing was written." in capsys.readouterr().out
    assert not target.exists()


def test_programs_get_json(target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "numbers.json").write_text("[1, 2]")
    cell = packed([user("a"), 5])
    path = legacy_db(tmp_path / "a.db", [{"id": 1, "name": "A", "chat_history": cell}])
    assert app.main(["import", "--json", str(path), str(tmp_path / "numbers.json")]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["exitCode"] == 1
    assert [source["status"] for source in report["sources"]] == ["imported", "unusable"]
    assert report["sources"][0]["characters"] == [
        {
            "name": "A",
            "newCharacters": 1,
            "conversations": 1,
            "messages": 1,
            "hiddenMessages": 0,
            "unchanged": 0,
            "errorTexts": 0,
            "skipped": [{"reason": "a message is not a JSON object", "first": "message 2", "count": 1}],
            "repaired": {},
        }
    ]
    assert report["total"]["messages"] == 1


def test_skipped_and_unusable_are_said_to_people(
    target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": 1, "name": "A\x1b[2J", "chat_history": packed([1, 2])}]
    assert app.main(["import", str(legacy_db(tmp_path / "a.db", rows))]) == 1
    assert (
        "  Skipped from A\ufffd[2J: a message is not a JSON object (2 times, first in message 1)."
        in capsys.readouterr().out
    )
    (tmp_path / "empty").touch()
    assert app.main(["import", str(tmp_path / "empty")]) == 2
    assert capsys.readouterr().out == f"{tmp_path / 'empty'}: nothing is usable: the file is empty.\n"
    assert app.main(["import", "--as", "sessions-db", str(tmp_path / "a.db")]) == 2
    assert "this is not sessions-db but legacy-db" in capsys.readouterr().out


def test_a_source_that_another_program_has_locked_is_told(
    target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = old_db(tmp_path / "old.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert app.main(["import", str(path)]) == 2
    assert "another program has it locked, also after 5 s" in capsys.readouterr().out
    assert not target.exists()


async def test_tables_of_an_earlier_version_are_migrated_first(tmp_path: Path) -> None:
    path = tmp_path / "earlier.db"
    database = Database(f"sqlite+aiosqlite:///{path}")

    async def work(session: AsyncSession) -> None:
        await (await session.connection()).run_sync(upgrade, "0001")

    await database.write(everyone(), work)
    await database.close()
    with closing(sqlite3.connect(path)) as connection:
        moment = "2026-01-01 00:00:00"
        character = {"id": "1" * 32, "owner": "local", "name": "Kept", "name_folded": "kept", "version": 1}
        blank = ("description", "personality", "scenario", "system_prompt", "post_history_instructions")
        character |= dict.fromkeys((*blank, "example_dialogue"), "")
        character |= {"alternate_greetings": "[]", "tags": "[]", "generation": "{}", "metadata": "{}"}
        add(
            connection,
            "characters",
            [character | dict.fromkeys(("active_at", "created_at", "updated_at"), moment)],
        )
        connection.commit()
    source = old_db(tmp_path / "old.db")
    run("import", "--dry-run", str(source), database=path)
    assert rows(path, "SELECT version_num FROM alembic_version") == [("0001",)]
    run("import", str(source), database=path)
    assert rows(path, "SELECT name FROM characters WHERE name IN ('Kept', 'Ada')") == [("Kept",), ("Ada",)]


def run(*arguments: str, database: Path) -> str:
    """Runs a command in a process of its own."""
    environment = {**os.environ, "REPARTEE_DATABASE_URL": f"sqlite+aiosqlite:///{database}"}
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout


def test_an_import_that_is_killed_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    target = tmp_path / "repartee.db"
    run("migrate", database=target)
    history = packed([user("x" * 100)] * 1000)
    source = write(
        tmp_path / "old.db",
        [CHARACTERS],
        characters=({"id": number, "name": f"C{number}", "chat_history": history} for number in range(30)),
    )
    environment = {**os.environ, "REPARTEE_DATABASE_URL": f"sqlite+aiosqlite:///{target}"}
    command = [sys.executable, str(ROOT / "app.py"), "import", str(source)]
    log = target.with_name("repartee.db-wal")
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        # The log grows as soon as what is written no longer fits into memory.
        while process.poll() is None and not (log.exists() and log.stat().st_size > 2**20):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert rows(target, "SELECT (SELECT count(*) FROM characters), (SELECT count(*) FROM messages)") == [(0, 0)]
    assert "30 new characters, 30 conversations, 30,000 messages imported" in run(
        "import", str(source), database=target
    )


def test_an_export_gives_everything_back(target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["export", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == f"There is no database at {target}.\n"
    document = {"name": "Ada", "background": "b", "chat_history": ADA}
    (tmp_path / "ada.json").write_text(json.dumps(document))
    assert app.main(["import", str(tmp_path / "ada.json")]) == 0
    capsys.readouterr()
    assert app.main(["export", str(tmp_path / "out"), "--format", "legacy-json"]) == 0
    assert (
        capsys.readouterr().out
        == f"Exported 1 character and 0 conversations (4 messages) to {tmp_path / 'out'}.\n"
    )
    assert json.loads((tmp_path / "out" / "Ada.json").read_text()) == document
    assert app.main(["export", str(tmp_path / "out")]) == 2
    assert "not an empty folder" in capsys.readouterr().err
    assert app.main(["export", str(tmp_path / "other"), "--character", "char_1"]) == 2
    assert capsys.readouterr().err == "There is no character with this id.\n"


async def test_one_history_is_imported_over_graphql(client: Client, services: Services) -> None:
    character = await make_character(services, greeting="Not here.")
    done = (await client.run(IMPORT, id=character.id, history=ADA, title="Old"))["importConversation"]
    assert done["userErrors"] == []
    assert done["conversation"]["chatHistory"] == ADA
    assert (done["conversation"]["title"], done["conversation"]["titleSource"]) == ("Old", "IMPORTED")
    assert [message["createdAt"] for message in done["conversation"]["messages"]] == [None] * 4
    assert done["conversation"]["messages"][3]["metadata"] == {"action": ADA[3]["action"]}


async def test_roles_of_any_name_and_texts_of_any_length_are_imported_over_graphql(
    client: Client, services: Services
) -> None:
    character = await make_character(services)
    history = [{"role": "tool", "content": "x"}, user("x" * 100_001)]
    done = (await client.run(IMPORT, id=character.id, history=history))["importConversation"]
    assert done["conversation"]["chatHistory"] == history


@pytest.mark.parametrize(
    "history,path",
    [
        ({"role": "user"}, []),
        ("[]", []),
        ([1], ["0"]),
        ([user("Hi"), {"content": "x"}], ["1", "role"]),
        ([user("Hi"), {"role": "user"}], ["1", "content"]),
        ([user("Hi"), user("n\0l")], ["1", "content"]),
        ([user("Hi"), user("", action={"a": ["\0"]})], ["1", "action", "a", "0"]),
    ],
)
async def test_an_element_that_cannot_be_imported_is_named(
    client: Client, services: Services, history: Any, path: list[str]
) -> None:
    character = await make_character(services)
    done = (await client.run(IMPORT, id=character.id, history=history))["importConversation"]
    [error] = done["userErrors"]
    assert (done["conversation"], error["code"]) == (None, "INVALID_INPUT")
    assert error["path"] == ["input", "chatHistory", *path]
