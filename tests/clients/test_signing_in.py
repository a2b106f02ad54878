"""A browser signs in by the link, or by the form; pages of other sites get nothing by its cookie."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from models import Database, UserRole
from services.access.accounts import CONSOLE
from services.settings import Settings
from tests.clients.conftest import Checks
from tests.conftest import opened, serving
from tests.support.accounts import PASSWORD, with_accounts
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


async def test_two_users_in_two_browsers_see_their_own(
    settings: Settings, database: Database, checks: Checks, chromium: str
) -> None:
    async with with_accounts(settings, database) as services, serving(services) as client:
        users = services.access.users
        codes = [(await users.create(name, UserRole.USER, CONSOLE))[1].secret for name in ("Ada", "Bob")]
        await services.access.sign_in.by_setup_code(codes[0], PASSWORD, CONSOLE)
        done = await checks("accounts.mjs", client.url, chromium, "Ada", PASSWORD, "Bob", codes[1])
    assert done == {"password": None, "setup code": None, "apart": None, "revoked": None}
