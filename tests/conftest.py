"""Real parts for tests: a database file, the services over it, and the server on a free port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from app import create_app
from models import Database
from schema.endpoint.http.server import Server, server_config
from services import Services
from services.broker.memory import MemoryBroker
from services.engines import Engine
from services.housekeeping import TASK_NAME
from services.settings import Settings
from tests.support import postgres
from tests.support.client import Client
from tests.support.makers import TestEngine, until


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="Let a test fail where it would skip.")
    kinds = ("sqlite", "postgresql")
    parser.addoption("--database", choices=kinds, default="sqlite", help="The database of tests that have one.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database."""
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[config.getoption("--database")]
    left_out = [item for item in items if item.get_closest_marker(other)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker(other)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.config.getoption("--no-skips"):
        report.outcome, report.longrepr = "failed", f"{item.nodeid} would skip: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def template() -> Iterator[str]:
    """The name of a PostgreSQL database that has all tables; every other one is a copy of it."""
    name = asyncio.run(postgres.make_template())
    yield name
    asyncio.run(postgres.drop(name))


@pytest.fixture
def shared_database() -> Iterator[str]:
    """The URL of a PostgreSQL database without tables, for several servers at once."""
    asyncio.run(postgres.require())
    url = asyncio.run(postgres.make_database("template0"))
    yield url
    asyncio.run(postgres.drop(url.rpartition("/")[2]))


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of the kind that is tested."""
    if request.config.getoption("--database") == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/test.db"
        return
    url = asyncio.run(postgres.make_database(request.getfixturevalue("template")))
    yield url
    asyncio.run(postgres.drop(url.rpartition("/")[2]))


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(_env_file=None, database_url=database_url, engine="builtin", builtin_pace=0)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url, settings.max_answer)
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def engine() -> TestEngine:
    return TestEngine()


@pytest.fixture
async def services(settings: Settings, database: Database, engine: TestEngine) -> AsyncIterator[Services]:
    async with opened(settings, database, engine) as services:
        yield services


@asynccontextmanager
async def opened(
    settings: Settings, database: Database, engine: Engine, broker: MemoryBroker | None = None
) -> AsyncIterator[Services]:
    services = Services.build(settings, database, broker or MemoryBroker(), engine)
    await services.open()
    yield services
    services.writer.grace = 0
    await services.close()


@pytest.fixture
def statements(database: Database) -> list[str]:
    """Every SQL statement the database has been asked since the fixture was taken, but for those of housekeeping,
    which runs at times of its own.
    """
    seen: list[str] = []

    def note(*args: Any) -> None:
        task = asyncio.current_task()
        if task is None or task.get_name() != TASK_NAME:
            seen.append(args[2])

    for engine in database.engines:
        event.listen(engine.sync_engine, "before_cursor_execute", note)
    return seen


@pytest.fixture
async def client(services: Services) -> AsyncIterator[Client]:
    async with serving(services) as client:
        yield client


@asynccontextmanager
async def serving(services: Services, app: Starlette | None = None) -> AsyncIterator[Client]:
    """Serve the whole app, or the one given, on a free port, on real sockets; give a client of that."""
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio, unlike uvloop, does not set it here; without it each answer in two parts takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = server_config(app or create_app(services), services.settings, ping_seconds=None)
    server = Server(config, services)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    async with httpx2.AsyncClient(timeout=60) as http:
        yield Client(http, f"http://127.0.0.1:{listener.getsockname()[1]}/graphql")
    services.writer.grace = 0
    server.should_exit = True
    await task
