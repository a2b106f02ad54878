"""The server that a soak tries: it is killed, stopped, and kept from writing by another connection."""

import asyncio
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from tests.support.processes import address, announcement, environment, launched
from tests.support.soaking.rows import State

# Seconds in which it starts, or stops, whatever holds the database.
PATIENCE = 60.0
# Seconds after a lock in which those who queued up may still be turned away.
_QUEUE_SECONDS = 30.0


class SoakedServer:
    """A process of `python app.py`, always on the same port; what it logs is kept in a file."""

    def __init__(self, folder: Path, paces: tuple[float, ...]) -> None:
        """`paces`: how many milliseconds a word takes after each start, in turn."""
        self._folder = folder
        self._paces = paces
        self._port = "0"
        self._log = folder / "log.txt"
        self._process: asyncio.subprocess.Process | None = None
        self._unavailable_until = 0.0
        self.url = ""
        self.up = asyncio.Event()
        self.starts = 0
        self.last_fault = 0.0
        self.faults: Counter[str] = Counter()

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def may_be_unavailable(self) -> bool:
        return time.monotonic() < self._unavailable_until

    def is_up_since(self, starts: int) -> bool:
        """Returns whether it has neither ended nor started since it had been started so many times."""
        return self.up.is_set() and self.starts == starts

    async def state(self) -> State:
        return State.of_file(self._folder / "repartee.db")

    async def start(self) -> None:
        pace = str(self._paces[self.starts % len(self._paces)])
        with self._log.open("ab") as log:
            variables = environment(self._folder, PORT=self._port, BUILTIN_PACE=pace)
            self._process = await launched(["app.py"], variables, log)
        async with asyncio.timeout(PATIENCE):
            lines = await announcement(self._process)
        assert lines[-1], f"The server did not start: {self.log[-2000:]}"
        self.url = address(lines) + "graphql"
        self._port = self.url.rpartition(":")[2].partition("/")[0]
        self.starts += 1
        self.up.set()

    async def end(self, sign: signal.Signals) -> int:
        """Returns the exit code."""
        assert self._process is not None
        self.up.clear()
        self._process.send_signal(sign)
        async with asyncio.timeout(PATIENCE):
            await self._process.communicate()
        return self._process.returncode or 0

    async def restart(self, sign: signal.Signals) -> int:
        """Returns the exit code."""
        self.faults[sign.name] += 1
        code = await self.end(sign)
        await self.start()
        self.last_fault = time.monotonic()
        return code

    async def lock(self, seconds: float) -> None:
        """Holds SQLite's write lock, as another process would."""
        self.faults[f"lock of {seconds:g} s"] += 1
        path = self._folder / "repartee.db"
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)) as other:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            self._unavailable_until = time.monotonic() + seconds + _QUEUE_SECONDS
            await asyncio.sleep(seconds)
            other.execute("ROLLBACK")
        self.last_fault = time.monotonic()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
