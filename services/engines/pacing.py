"""Pace of reading a stream: tokens that arrive soon after each other are read together."""

import asyncio

# Seconds between two reads from the network.
INTERVAL = 0.03
# The first words come at once: a young stream is read in intervals of this part of its age.
_PART_OF_AGE = 0.125
# For each second that the event loop is late, because it has much to do, the next read comes so much later.
_SECONDS_PER_LATE_SECOND = 4.0
_MAX_MORE = 0.25


class Pace:
    """A wake-up, a read and a delivery cost more than a token does; tokens that are read together share them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begin = self._loop.time()
        self._lateness = 0.0

    async def rest(self) -> None:
        """Waits until the next read is due."""
        begin = self._loop.time()
        more = min(_MAX_MORE, self._lateness * _SECONDS_PER_LATE_SECOND)
        pause = min(INTERVAL, (begin - self._begin) * _PART_OF_AGE) + more
        await asyncio.sleep(pause)
        self._lateness = self._loop.time() - begin - pause
