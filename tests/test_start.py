"""What a start does not load, because it would only take time and memory."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, environment, refused

SCRIPT = """
import asyncio, sys
from app import running
from services.settings import Settings

async def main():
    async with running(Settings()):
        print(*(name for name in ("aiohttp", "alembic", "services.engines.openai") if name in sys.modules))

asyncio.run(main())
"""


def loaded(folder: Path, **settings: str) -> list[str]:
    """Start every part in an interpreter of its own; return which of the modules it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that a start has made; that one needs the migrations."""
    folder = tmp_path_factory.mktemp("migrated")
    assert loaded(folder) == ["alembic"]
    return folder


def test_a_start_on_tables_that_are_up_to_date_loads_no_migrations(migrated: Path) -> None:
    assert loaded(migrated) == []


def test_only_an_engine_that_is_asked_over_http_loads_the_client(migrated: Path) -> None:
    outside = {"ENGINE": "openai", "ENGINE_URL": "http://127.0.0.1:9/v1"}
    assert loaded(migrated, **outside) == ["aiohttp", "services.engines.openai"]


async def test_a_database_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    # Bound, so that nobody else takes the port, and not listening.
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"postgresql://anna:secret@127.0.0.1:{unheard.getsockname()[1]}/repartee"
        code, said = await refused(tmp_path, DATABASE_URL=url)
    assert code == 1
    assert "cannot be used: [Errno" in said
    assert "secret" not in said
