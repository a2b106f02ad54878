"""The writers' turn among several processes on one SQLite database: lock files, so that they wait in line.

SQLite wakes those who wait for its lock in no order, and lets them sleep for up to a tenth of a second.
"""

import asyncio
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where there is one process.
    fcntl: Any = None  # type: ignore[no-redef]


class FileTurn:
    """Two locks: whoever waits for the turn holds the queue, so that nobody gets past it.

    Within a process one writer at a time asks for it.
    """

    def __init__(self, database: Path) -> None:
        self._queue, self._turn = (
            os.open(f"{database}-{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            for name in ("queue", "turn")
        )
        self._waiting: asyncio.Future[None] | None = None
        self._is_wanted = False

    async def acquire(self) -> None:
        """Returns once it is our turn; it may be cancelled."""
        if self._waiting is None and self._is_free():
            return
        self._is_wanted = True
        self._waiting = self._waiting or self._wait_in_thread()
        try:
            await asyncio.shield(self._waiting)
        except asyncio.CancelledError:
            self._is_wanted = False
            if self._waiting.done():
                self._give_back()
            raise
        self._waiting = None

    def release(self) -> None:
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        # A thread that still waits would lock other files, if their numbers were free for them.
        if self._waiting is None:
            os.close(self._queue)
            os.close(self._turn)

    def _is_free(self) -> bool:
        try:
            fcntl.flock(self._queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def _wait_in_thread(self) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        waiting.add_done_callback(self._end_waiting)

        def wait() -> None:
            fcntl.flock(self._queue, fcntl.LOCK_EX)
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            fcntl.flock(self._queue, fcntl.LOCK_UN)
            # Once the loop is closed nobody waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(waiting.set_result, None)

        # A process that ends must not wait for it.
        threading.Thread(target=wait, daemon=True).start()
        return waiting

    def _end_waiting(self, _: object) -> None:
        if not self._is_wanted:
            self._give_back()

    def _give_back(self) -> None:
        """Lets others have the turn that came after whoever wanted it had given up."""
        if self._waiting is not None:
            self._waiting = None
            self.release()
