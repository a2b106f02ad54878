"""One server for all tests of a module, where a test needs no database of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from models import Database
from services.settings import Settings
from tests.conftest import opened, serving
from tests.support.client import Client
from tests.support.makers import TestEngine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('served')}/test.db"
    settings = Settings(_env_file=None, database_url=url, engine="builtin")
    database = Database(settings.database_url)
    await database.migrate()
    async with opened(settings, database, TestEngine()) as services, serving(services) as client:
        yield client
    await database.close()
