"""A server that wants its token, and one with accounts."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from models import Database
from services import Services
from services.settings import Settings
from tests.conftest import opened, serving
from tests.support.accounts import with_accounts
from tests.support.client import Client
from tests.support.makers import TestEngine

TOKEN = "a token of the settings"


@pytest.fixture
async def closed_services(settings: Settings, database: Database) -> AsyncIterator[Services]:
    settings = settings.model_copy(update={"access": "token", "token": SecretStr(TOKEN)})
    async with opened(settings, database, TestEngine()) as services:
        yield services


@pytest.fixture
async def closed(closed_services: Services) -> AsyncIterator[Client]:
    async with serving(closed_services) as client:
        yield client


@pytest.fixture
async def member_services(settings: Settings, database: Database, engine: TestEngine) -> AsyncIterator[Services]:
    """The services of a server with accounts."""
    async with with_accounts(settings, database, engine) as services:
        yield services


@pytest.fixture
async def members(member_services: Services) -> AsyncIterator[Client]:
    """A client without a credential of a server with accounts."""
    async with serving(member_services) as client:
        yield client
