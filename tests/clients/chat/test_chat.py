"""The chat page in Chromium: what a person does, and what they see of it."""

import os
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from models import Database
from services.settings import Settings
from tests.clients.chat.conftest import talkative
from tests.clients.conftest import Checks
from tests.support.client import Client
from tests.support.processes import ROOT

# The scripts, and how many checks each has; one server and one browser serve them all.
SCRIPTS = {"talk.mjs": 12, "reading.mjs": 9, "windows.mjs": 9, "outage.mjs": 8, "screens.mjs": 9}


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_person_uses_the_page(
    obedient: Client, checks: Checks, chromium: str, tmp_path: Path, script: str
) -> None:
    problems = await checks(f"chat/{script}", obedient.url, chromium, sys.executable, str(tmp_path))
    found = [f"{name}: {problem}" for name, problem in problems.items() if problem]
    # pytest would cut them short.
    assert not found, "\n".join(found)
    assert len(problems) == SCRIPTS[script]


async def test_a_person_signs_in(settings: Settings, database: Database, checks: Checks, chromium: str) -> None:
    token = "a token of the settings"
    settings = settings.model_copy(update={"access": "token", "token": SecretStr(token)})
    async with talkative(settings, database) as client:
        problems = await checks("chat/access.mjs", client.url, chromium, token)
    assert list(problems.values()) == [None, None]


async def test_the_page_works_by_a_name_in_the_network_and_by_trusted_documents(
    settings: Settings, database: Database, checks: Checks, chromium: str, tmp_path: Path
) -> None:
    name, file = "sofa.test", tmp_path / "documents.json"
    file.write_text("{}")
    more = {"trusted_hosts": (name,), "documents_file": file, "documents_only": True, "access": "open"}
    async with talkative(settings.model_copy(update=more), database) as client:
        problems = await checks("chat/elsewhere.mjs", client.url, chromium, name)
    assert list(problems.values()) == [None]


async def test_the_picture_of_the_readme_can_be_taken(
    obedient: Client, checks: Checks, chromium: str, tmp_path: Path
) -> None:
    """With REPARTEE_TEST_PICTURE=true it is taken anew for the README."""
    kept = ROOT / "schema" / "chat" / "screenshot.png"
    taken = kept if os.environ.get("REPARTEE_TEST_PICTURE") else tmp_path / "picture.png"
    assert await checks("chat/picture.mjs", obedient.url, chromium, str(taken)) == {"picture": None}
    for picture in (kept, taken):
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert 20_000 < picture.stat().st_size < 150_000
