"""Wires of each kind, and what makes one of them fail."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import make_url

from models import LOCAL_OWNER, Conversation, Database
from services import Services
from services.broker.relay import RelayBroker
from services.broker.wires import Wire
from services.broker.wires.hub import Hub, HubWire
from services.broker.wires.postgres import PostgresWire
from services.broker.wires.redis import RedisWire
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from services.streaming import readers
from tests.conftest import opened
from tests.services.streaming.test_readers import Watcher
from tests.support import postgres, redis
from tests.support.makers import TestEngine, make_conversation, until


@dataclass
class Wires:
    """`make` makes a wire of one network; `cut` ends all of its connections, which may be made again at once."""

    make: Callable[[], Wire]
    cut: Callable[[], Awaitable[None]]


@contextlib.asynccontextmanager
async def redis_wires(_: Path) -> AsyncIterator[Wires]:
    with redis.available() as url:

        async def cut() -> None:
            async with Redis.from_url(url) as client:
                await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

        yield Wires(lambda: RedisWire(url, "repartee-test:"), cut)


@contextlib.asynccontextmanager
async def postgres_wires(_: Path) -> AsyncIterator[Wires]:
    url = await postgres.take()
    name = url.rpartition("/")[2]

    async def cut() -> None:
        async with postgres.connected() as server:
            await server.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )

    yield Wires(lambda: PostgresWire(make_url(url), "repartee-test:"), cut)
    await postgres.give_back(url)


@contextlib.asynccontextmanager
async def hub_wires(folder: Path) -> AsyncIterator[Wires]:
    path = folder / "hub"
    hub = Hub()
    await hub.open(path)

    async def cut() -> None:
        await hub.close()
        await hub.open(path)

    yield Wires(lambda: HubWire(path), cut)
    await hub.close()


KINDS = {"hub": hub_wires, "redis": redis_wires, "postgres": postgres_wires}


@pytest.fixture(params=KINDS)
async def wires(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Wires]:
    async with KINDS[request.param](tmp_path) as wires:
        yield wires


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Wires]:
    async with hub_wires(tmp_path) as wires:
        yield wires


class Ear:
    """A wire that is open, what it has received, and how often each topic stood."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.heard: list[tuple[str, bytes]] = []
        self.stood: list[str] = []
        wire.open(lambda topic, frame: self.heard.append((topic, frame)))

    async def listen(self, *topics: str) -> None:
        """Return once all topics stand."""
        for topic in topics:
            self.wire.subscribe(topic, lambda topic=topic: self.stood.append(topic))
        await until(lambda: set(topics) <= set(self.stood))


@contextlib.asynccontextmanager
async def ears(wires: Wires, count: int) -> AsyncIterator[list[Ear]]:
    opened = [Ear(wires.make()) for _ in range(count)]
    await until(lambda: all(ear.wire.is_up for ear in opened))
    yield opened
    for ear in opened:
        await ear.wire.close()


BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)
NEVER = 3600.0


class Process:
    """What one process has."""

    def __init__(self, services: Services, engine: TestEngine) -> None:
        self.services = services
        self.engine = engine

    async def send(self, conversation_id: str, text: str = "Hello", options: ReplyOptions = BACKGROUND) -> str:
        """Send a message; return the id of the reply, once the engine has been asked for it."""
        asked = len(self.engine.prompts)
        sent = await self.services.replies.send(LOCAL_OWNER, conversation_id, text, None, options)
        await until(lambda: len(self.engine.prompts) > asked)
        assert sent.reply is not None
        return sent.reply.id

    async def watch(self, conversation_id: str) -> Watcher:
        """Watch, and return once the watcher has seen what there is."""
        watcher = Watcher(self.services, conversation_id)
        await until(lambda: self.services.readers._readers and not self.services.streams._busy)
        return watcher


@contextlib.asynccontextmanager
async def processes(
    settings: Settings, database: Database, make: Callable[[], Wire], count: int = 2
) -> AsyncIterator[list[Process]]:
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            engine, broker = TestEngine(), RelayBroker(make())
            broker.start()
            stack.push_async_callback(broker.close)
            services = await stack.enter_async_context(opened(settings, database, engine, broker))
            # Only a wire may bring text before the end.
            services.writer.checkpoints.interval = NEVER
            made.append(Process(services, engine))
        yield made


@pytest.fixture
async def pair(
    settings: Settings, database: Database, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[Process]]:
    monkeypatch.setattr(readers, "CLOCK_SECONDS", NEVER)
    async with processes(settings, database, wires.make) as pair:
        yield pair


@pytest.fixture
async def conversation(pair: list[Process]) -> Conversation:
    return await make_conversation(pair[0].services)


def written(process: Process) -> str:
    """The text of the only reply that the process writes."""
    return next(iter(process.services.writer._writings.values())).text
