"""What a start does not load, because it would only take time and memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, environment

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
