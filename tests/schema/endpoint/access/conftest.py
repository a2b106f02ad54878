"""A server that wants its token."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from models import Database
from services import Services
from services.settings import Settings
from tests.conftest import opened, serving
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
