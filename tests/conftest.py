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

KINDS = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="Let a test fail where it would skip.")
    help = "The database of the tests that have one."
    parser.addoption("--database", choices=[*KINDS, "both"], default="sqlite", help=help)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With both databases, let each test that has one run on either."""
    if "database_kind" in metafunc.fixturenames and metafunc.config.getoption("--database") == "both":
        about = [kind for kind in KINDS if metafunc.definition.get_closest_marker(kind)]
        metafunc.parametrize("database_kind", about or KINDS, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database; for PostgreSQL, what has no database too."""
    kept = [item for item in items if _runs_on(config.getoption("--database"), item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _runs_on(chosen: str, item: pytest.Item) -> bool:
    about = [kind for kind in KINDS if item.get_closest_marker(kind)]
    if chosen == "postgresql" and not about:
        return "database_kind" in getattr(item, "fixturenames", ())
    return chosen == "both" or not about or chosen in about


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.config.getoption("--no-skips"):
        report.outcome, report.longrepr = "failed", f"{item.nodeid} would skip: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def dropped_databases() -> Iterator[None]:
    """Drops what the tests have made in PostgreSQL."""
    yield
    asyncio.run(postgres.drop_all())


@pytest.fixture
def shared_database() -> Iterator[str]:
    """The URL of a PostgreSQL database without tables, for several servers at once."""
    url = asyncio.run(postgres.make_database())
    yield url
    asyncio.run(postgres.drop(url.rpartition("/")[2]))


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    chosen: str = getattr(request, "param", request.config.getoption("--database"))
    return chosen


@pytest.fixture
def database_url(database_kind: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of the kind that is tested."""
    if database_kind == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/test.db"
        return
    url = asyncio.run(postgres.take())
    yield url
    asyncio.run(postgres.give_back(url))


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
