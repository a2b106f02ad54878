"""Connection draining: closes the connections of a process that stops, a few at a time."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

# Connections that are closed in a second, or more if the time would not do for all.
RATE = 100
# Seconds between two looks at which connections can be closed.
_TICK_SECONDS = 0.05
# Seconds that clients get to be told how the replies ended for which there was no time left.
LAST_SECONDS = 1.0


class Connection(Protocol):
    """A connection that stays open for its client."""

    @property
    def awaits_end(self) -> bool:
        """Whether its client waits for the end of what this process does, like a reply that it writes."""

    def restart(self) -> None:
        """Ends the connection soon, in a way that lets the client connect again."""


class ConnectionDrain:
    """The open connections of this process, whose clients must not all come to the other processes at once."""

    def __init__(self) -> None:
        self._open: dict[Connection, None] = {}
        self.has_begun = False
        self._is_over = False

    @contextmanager
    def including(self, connection: Connection) -> Iterator[None]:
        """Closes the connection too, when the time has come while it is open."""
        self._open[connection] = None
        if self._is_over:
            self._close([connection])
        try:
            yield
        finally:
            self._open.pop(connection, None)

    async def run(self, seconds: float) -> None:
        """Closes every connection once it awaits no end, at RATE or what makes it `seconds` for all.

        Returns when none is open, or when the time is over for those that still await an end.
        """
        self.has_begun = True
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._open and (left := end - loop.time()) > -LAST_SECONDS:
            free = [connection for connection in self._open if not connection.awaits_end]
            rounds = max(1, int(left / _TICK_SECONDS))
            self._close(free[: max(math.ceil(RATE * _TICK_SECONDS), math.ceil(len(free) / rounds))])
            await asyncio.sleep(_TICK_SECONDS if self._open else 0)

    def finish(self) -> None:
        """Closes what is open, and what is opened from now on."""
        self._is_over = True
        self._close(list(self._open))

    def _close(self, connections: list[Connection]) -> None:
        for connection in connections:
            del self._open[connection]
            connection.restart()
