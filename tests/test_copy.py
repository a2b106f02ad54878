"""The command `copy`: what it says, and what a kill in the middle of it leaves."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

import app
from models import Database, IdempotencyKey, everyone
from tests.support import postgres
from tests.support.copies import make_many, make_odd_world, url_of
from tests.support.makers import until
from tests.support.processes import ROOT, environment


def test_it_says_what_was_copied_and_refuses_to_do_it_again(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source.db"
    asyncio.run(make_odd_world(source))
    assert app.main(["copy", f"sqlite:///{source}", database_url]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"sqlite:///{source} was copied to {database_url}; both have the same rows:"
    rows = {line.split()[0]: int(line.split()[1]) for line in said[1:-1]}
    assert rows["characters"] == 3
    assert said[-1] == f"{sum(rows.values()):,} rows in all."
    assert app.main(["copy", f"sqlite:///{source}", database_url]) == 2
    assert "Nothing was copied. The target is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("postgresql://me:secret@127.0.0.1:9/x", "A database cannot be reached"),
        ("mysql://127.0.0.1/x", "mysql is not supported; use sqlite"),
        ("nothing", "Could not parse"),
    ],
)
def test_it_says_why_it_cannot_copy(
    target: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(make_many(tmp_path / "source.db", 1))
    assert app.main(["copy", url_of(tmp_path / "source.db"), target]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error


def test_a_source_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.db"
    assert app.main(["copy", url_of(missing), url_of(tmp_path / "target.db")]) == 2
    assert "There is no database at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


async def test_a_kill_in_the_middle_leaves_nothing_and_the_copy_can_be_repeated(
    tmp_path: Path, database_url: str
) -> None:
    source = tmp_path / "source.db"
    await make_many(source, 40_000)
    process = await copying(source, database_url, tmp_path)
    await until(lambda: is_being_filled(database_url))
    process.send_signal(signal.SIGKILL)
    await process.wait()
    database = Database(database_url)
    await database.migrate()
    async with database.read(everyone()) as session:
        assert await session.get(IdempotencyKey, KEY) is None
    again = await copying(source, database_url, tmp_path)
    assert await again.wait() == 0
    async with database.read(everyone()) as session:
        assert await session.get(IdempotencyKey, KEY) is not None
    await database.close()


KEY = ("user_00000000000070008000000000000001", "sendMessage", "", "key 1")


async def copying(source: Path, target: str, folder: Path) -> asyncio.subprocess.Process:
    command = (sys.executable, "app.py", "copy", url_of(source), target)
    return await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment(folder), stdout=asyncio.subprocess.DEVNULL
    )


async def is_being_filled(url: str) -> bool:
    """Returns whether the transaction has stored rows."""
    if url.startswith("sqlite"):
        return size(Path(url.partition("///")[2] + "-wal")) > 1_000_000
    async with postgres.connected() as server:
        inserting = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'INSERT INTO idem%'"
        return bool(await server.fetchval(inserting, url.rpartition("/")[2]))


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
