"""Several servers that a soak tries, on PostgreSQL and Redis: each of them and what they share may fail."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from sqlalchemy import make_url

from tests.support import postgres
from tests.support.balancer import Balancer
from tests.support.processes import address, announcement, environment, launched
from tests.support.redis import RedisServer
from tests.support.soaking.rows import State

# Seconds in which a server starts, or stops, whatever happens to the others.
PATIENCE = 60.0
# Seconds after a fault in which those who queued up may still be turned away.
_QUEUE_SECONDS = 30.0
# How far the clock of the last server is ahead of the others.
_AHEAD_SECONDS = "3600"


class _Node:
    """A server of the cluster, always on the same port."""

    def __init__(self, folder: Path, number: int, settings: dict[str, str], is_ahead: bool) -> None:
        self.log = folder / f"log{number}.txt"
        self.port = "0"
        self.process: asyncio.subprocess.Process | None = None
        self._environment = lambda: environment(folder, PORT=self.port, **settings)
        self._command = ["-m", "tests.support.ahead", _AHEAD_SECONDS, "app.py"] if is_ahead else ["app.py"]

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await launched(self._command, self._environment(), log)
        async with asyncio.timeout(PATIENCE):
            lines = await announcement(self.process)
        assert lines[-1], f"The server did not start: {self.log.read_text()[-2000:]}"
        self.port = str(httpx2.URL(address(lines)).port)

    def tell(self, sign: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(sign)

    async def ended(self) -> int:
        assert self.process is not None
        async with asyncio.timeout(PATIENCE):
            await self.process.communicate()
        return self.process.returncode or 0


class Cluster:
    """Three servers behind a balancer. A server that is frozen gets no new connections from it."""

    def __init__(self, folder: Path, seed: int, pace: str = "5") -> None:
        self._folder = folder
        self._pace = pace
        self._chance = random.Random(f"{seed} nodes")
        self._nodes: list[_Node] = []
        self._redis = RedisServer()
        self._unavailable_until = 0.0
        self.url = ""
        self.up = asyncio.Event()
        # Counts the beginnings and ends of faults, so it is odd while there is one.
        self.starts = 0
        self.last_fault = 0.0
        self.faults: Counter[str] = Counter()

    @property
    def log(self) -> str:
        return "".join(node.log.read_text() for node in self._nodes)

    @property
    def may_be_unavailable(self) -> bool:
        return time.monotonic() < self._unavailable_until

    def is_up_since(self, starts: int) -> bool:
        """Returns whether there was no fault since that moment, nor in it."""
        return self.starts == starts and starts % 2 == 0

    async def state(self) -> State:
        return await State.of_postgres(self._database)

    async def start(self) -> None:
        self._redis.start()
        self._database = await postgres.make_database("template0")
        url = make_url(self._database)
        self._line = Balancer(url.port or 5432)
        settings = {
            "DATABASE_URL": url.set(port=await self._line.open()).render_as_string(hide_password=False),
            "BROKER_URL": self._redis.url,
            "BUILTIN_PACE": self._pace,
        }
        self._nodes = [_Node(self._folder, number, settings, is_ahead=number == 3) for number in (1, 2, 3)]
        # All at once, although only one of them may make the tables.
        await asyncio.gather(*(node.start() for node in self._nodes))
        self._balancer = Balancer(*(int(node.port) for node in self._nodes))
        self.url = f"http://127.0.0.1:{await self._balancer.open()}/graphql"
        self.up.set()

    async def end(self, sign: signal.Signals) -> int:
        """Returns the first exit code that is none of a server that ended well."""
        for node in self._nodes:
            node.tell(sign)
        codes = [await node.ended() for node in self._nodes]
        await self._balancer.close()
        await self._line.close()
        self._redis.kill()
        await postgres.drop(self._database.rpartition("/")[2])
        return next(filter(None, codes), 0)

    def kill(self) -> None:
        """Kills whatever still runs."""
        self._redis.kill()
        for node in self._nodes:
            if node.process is not None and node.process.returncode is None:
                node.process.kill()

    async def restart(self, sign: signal.Signals) -> int:
        """Ends one of the servers by the signal, and starts it again. Returns its exit code."""
        async with self._fault(sign.name):
            node = self._chance.choice(self._nodes)
            node.tell(sign)
            code = await node.ended()
            await node.start()
            return code if sign is signal.SIGTERM else 0

    async def freeze(self, seconds: float) -> None:
        """Stops one of the servers in the middle of whatever it does, for longer than its lease."""
        async with self._fault(f"SIGSTOP of {seconds:g} s", seconds):
            node = self._chance.choice(self._nodes)
            self._balancer.ports.remove(int(node.port))
            node.tell(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            node.tell(signal.SIGCONT)
            self._balancer.ports.append(int(node.port))

    async def lose_broker(self, seconds: float) -> None:
        async with self._fault(f"Redis away for {seconds:g} s"):
            self._redis.kill()
            await asyncio.sleep(seconds)
            self._redis.start()

    async def cut_database(self, seconds: float) -> None:
        async with self._fault(f"PostgreSQL away for {seconds:g} s", seconds):
            await self._line.cut()
            await asyncio.sleep(seconds)
            self._line.is_cut = False

    @asynccontextmanager
    async def _fault(self, name: str, unavailable: float | None = None) -> AsyncIterator[None]:
        self.faults[name] += 1
        self.starts += 1
        if unavailable is not None:
            self._unavailable_until = time.monotonic() + unavailable + _QUEUE_SECONDS
        try:
            yield
        finally:
            self.starts += 1
            self.last_fault = time.monotonic()
