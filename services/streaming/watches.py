"""Watches: the places where watchers wait, and waking many of them without keeping all others waiting."""

import asyncio
from collections import deque

# Watches that are woken in one turn of the event loop, and in a batch of turns; seconds between two batches.
# What is asked meanwhile waits for other threads and for several turns, each of which would begin with some more.
STEP, BATCH = 4, 16
PAUSE = 0.001
# Batches of a round at the most: those of a great crowd are larger.
_MOST_BATCHES = 64


class Watch:
    """One watcher's place. It holds no text, so a slow watcher costs nothing and slows nobody down."""

    __slots__ = ("_is_woken", "_waiting")

    def __init__(self) -> None:
        self._is_woken = False
        self._waiting: asyncio.Future[None] | None = None

    def wake(self) -> None:
        self._is_woken = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def changed(self) -> None:
        """Returns when something has changed since the last return."""
        if not self._is_woken:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        self._is_woken = False


class Watches:
    """Watches that are woken in rounds, a few at a time. A wake during a round is another round."""

    def __init__(self) -> None:
        self._watches: dict[Watch, None] = {}
        self._round: deque[Watch] = deque()
        self._batch = self._left_of_batch = BATCH
        self._is_called_again = False

    def __len__(self) -> int:
        return len(self._watches)

    @property
    def is_waking(self) -> bool:
        return bool(self._round)

    def add(self, watch: Watch) -> None:
        self._watches[watch] = None

    def remove(self, watch: Watch) -> None:
        del self._watches[watch]

    def wake(self) -> None:
        if self._round:
            self._is_called_again = True
        else:
            self._begin()
            self._wake_some()

    def _begin(self) -> None:
        self._round.extend(self._watches)
        self._batch = self._left_of_batch = max(BATCH, len(self._round) // _MOST_BATCHES)

    def _wake_some(self) -> None:
        for _ in range(min(STEP, len(self._round))):
            self._round.popleft().wake()
        self._left_of_batch -= STEP
        if not self._round and self._is_called_again:
            self._is_called_again = False
            self._begin()
        if self._round:
            self._go_on()

    def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        if self._left_of_batch > 0:
            loop.call_soon(self._wake_some)
        else:
            self._left_of_batch = self._batch
            loop.call_later(PAUSE, self._wake_some)
