"""Pace of reading a stream: tokens that arrive soon after each other are read together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds between two reads from the network.
INTERVAL = 0.03
# The first words come at once: a young stream is read in intervals of this part of its age.
_PART_OF_AGE = 0.125
# For each second that the event loop is late, because it has much to do, the next read comes so much later.
_SECONDS_PER_LATE_SECOND = 4.0
_MAX_INTERVAL = 0.25


class Pace:
    """A wake-up, a read and a delivery cost more than a token does; tokens that are read together share them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begin = self._loop.time()
        self._lateness = 0.0
        self._has_waited = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Notices whether the read had to wait for the network, or had something at hand."""
        self._has_waited = False
        noticing = self._loop.call_soon(self._notice)
        try:
            yield
        finally:
            noticing.cancel()

    async def rest(self) -> None:
        """Waits until the next read is due, if the last one was from the network."""
        if not self._has_waited:
            return
        begin = self._loop.time()
        pause = min(INTERVAL, (begin - self._begin) * _PART_OF_AGE) + self._lateness * _SECONDS_PER_LATE_SECOND
        await asyncio.sleep(pause)
        self._lateness = self._loop.time() - begin - pause

    def _notice(self) -> None:
        self._has_waited = True
