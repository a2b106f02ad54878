"""A server that speaks slowly enough to be interrupted, and the clients from npm."""

import json
import shutil
import subprocess
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from models import LOCAL_OWNER, Database
from services.engines.choosing import choose_engine
from services.settings import Settings
from services.welcome import welcome
from tests.conftest import opened, serving
from tests.support.client import Client

HERE = Path(__file__).parent
Checks = Callable[..., Coroutine[Any, Any, dict[str, str | None]]]


@pytest.fixture
async def speaker(settings: Settings, database: Database) -> AsyncIterator[Client]:
    """A server with the builtin engine at a pace of its own, and somebody to talk with."""
    settings = settings.model_copy(update={"builtin_pace": 20})
    async with opened(settings, database, choose_engine(settings)) as services:
        await welcome(services.characters, services.conversations, LOCAL_OWNER)
        async with serving(services) as client:
            yield client


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the packages of the lock file; they are fetched once, where that is possible."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if not found or not npm:
        pytest.skip("Node is not installed")
    if not (HERE / "node_modules" / ".package-lock.json").exists():
        try:
            done = subprocess.run([npm, "ci", "--no-progress"], cwd=HERE, capture_output=True, timeout=300)
        except subprocess.TimeoutExpired:
            pytest.skip("npm could not fetch the packages in time")
        if done.returncode:
            pytest.skip("npm could not fetch the packages")
    return found


@pytest.fixture
def checks(node: str) -> Checks:
    """Run a script against a server; return each check's problem, or None where there is none."""

    async def run(script: str, *arguments: str) -> dict[str, str | None]:
        process = await create_subprocess_exec(node, HERE / script, *arguments, stdout=PIPE, stderr=PIPE)
        out, err = await process.communicate()
        done = [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]
        assert process.returncode == 0, err.decode()
        return {one["name"]: one["problem"] for one in done}

    return run


@pytest.fixture(scope="session")
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("Chromium is not installed")
