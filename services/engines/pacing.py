"""Pace of reading streams: tokens that arrive soon after each other are read together, and so are streams."""

import asyncio

# Seconds between two reads from the network.
INTERVAL = 0.03
# The first words come at once: a young stream is read in intervals of this part of its age.
_PART_OF_AGE = 0.125
# For each second that the event loop is late, because it has much to do, the next read comes so much later.
_SECONDS_PER_LATE_SECOND = 10.0
_MAX_MORE = 0.25
# Seconds between two moments at which streams are read that are not young any more.
_TICK = 0.01


class Ticks:
    """Moments at which all wake up who wait for them: one wake-up costs several times what one stream does."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[asyncio.Future[float]]] = {}

    async def nearest(self, time: float) -> float:
        """Waits for the tick that is nearest to a time of the loop. Returns the seconds that it came late."""
        loop, tick = asyncio.get_running_loop(), round(time / _TICK)
        if tick not in self._waiting:
            self._waiting[tick] = []
            loop.call_at(tick * _TICK, self._wake, loop, tick)
        waiting: asyncio.Future[float] = loop.create_future()
        self._waiting[tick].append(waiting)
        return await waiting

    def _wake(self, loop: asyncio.AbstractEventLoop, tick: int) -> None:
        late = loop.time() - tick * _TICK
        for waiting in self._waiting.pop(tick):
            if not waiting.done():
                waiting.set_result(late)


class Pace:
    """A wake-up, a read and a delivery cost more than a token does; tokens that are read together share them."""

    def __init__(self, ticks: Ticks) -> None:
        self._loop = asyncio.get_running_loop()
        self._ticks = ticks
        self._begin = self._loop.time()
        self._lateness = 0.0

    async def rest(self) -> None:
        """Waits until the next read is due."""
        begin = self._loop.time()
        more = min(_MAX_MORE, self._lateness * _SECONDS_PER_LATE_SECOND)
        due = begin + min(INTERVAL, (begin - self._begin) * _PART_OF_AGE) + more
        if due - begin >= _TICK:
            self._lateness = await self._ticks.nearest(due)
            return
        await asyncio.sleep(due - begin)
        self._lateness = self._loop.time() - due
