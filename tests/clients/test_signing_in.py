"""A browser signs in by the link, or by the form; pages of other sites get nothing by its cookie."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from models import Database
from services.settings import Settings
from tests.clients.conftest import Checks
from tests.conftest import opened, serving
from tests.support.client import Client
from tests.support.makers import TestEngine, make_character

TOKEN = "a token of the settings"


@pytest.fixture
async def closed(settings: Settings, database: Database) -> AsyncIterator[Client]:
    settings = settings.model_copy(update={"access": "token", "token": SecretStr(TOKEN)})
    async with opened(settings, database, TestEngine()) as services:
        await make_character(services)
        async with serving(services) as client:
            yield client


async def test_a_browser_signs_in_and_other_pages_get_nothing(
    closed: Client, checks: Checks, chromium: str
) -> None:
    done = await checks("sign-in.mjs", closed.url, chromium, TOKEN)
    assert done == {"link": None, "form": None, "hostile": None}
