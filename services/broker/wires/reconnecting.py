"""What all wires share: a connection that is made again, and subscriptions that are made again with it."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from itertools import islice

from services.broker.wires import Receive

logger = logging.getLogger("repartee.broker")

# Seconds before the first try to connect again, and the most before later ones.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
# Seconds for whatever is asked of the other side, and between two questions whether it is still there.
PATIENCE, PING_SECONDS = 5.0, 5.0
# Subscriptions that are asked for together.
_BATCH = 200


class ReconnectingWire(ABC):
    """A Wire. A connection says how it is made, how topics are added and removed, and how frames come."""

    name: str
    pace = 0.03

    def __init__(self) -> None:
        self.is_up = False
        self._topics: dict[str, Callable[[], None]] = {}
        self._standing: set[str] = set()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pause = FIRST_PAUSE
        self._is_told = False

    def open(self, receive: Receive) -> None:
        self._receive = receive
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def subscribe(self, topic: str, then: Callable[[], None]) -> None:
        self._topics[topic] = then
        if topic in self._standing:
            asyncio.get_running_loop().call_soon(then)
        else:
            self._changed.set()

    def unsubscribe(self, topic: str) -> None:
        del self._topics[topic]
        self._changed.set()

    @abstractmethod
    def _connected(self) -> AbstractAsyncContextManager[None]:
        """Holds the connection."""

    @abstractmethod
    async def _add(self, topics: Collection[str]) -> None:
        """Returns once frames of the topics come."""

    @abstractmethod
    async def _remove(self, topics: Collection[str]) -> None: ...

    @abstractmethod
    async def _listen(self) -> None:
        """Receives frames until the connection is lost, which it raises."""

    @abstractmethod
    async def _ping(self) -> None:
        """Raises when the other side does not answer."""

    async def _run(self) -> None:
        while True:
            try:
                async with self._connected():
                    await self._keep_up()
            except Exception as error:
                self._tell_down(error)
            finally:
                self.is_up = False
                self._standing.clear()
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    async def _keep_up(self) -> None:
        """Subscribes as it is wanted, until the connection is lost."""
        self.is_up, self._pause = True, FIRST_PAUSE
        if self._is_told:
            logger.info("%s answers again.", self.name)
            self._is_told = False
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._subscribe_all())
            tasks.create_task(self._keep_asking())

    async def _subscribe_all(self) -> None:
        while True:
            self._changed.clear()
            if gone := self._standing - self._topics.keys():
                await self._remove(gone)
                self._standing -= gone
            if new := list(islice(self._topics.keys() - self._standing, _BATCH)):
                async with asyncio.timeout(PATIENCE):
                    await self._add(new)
                self._stand(new)
            else:
                await self._changed.wait()

    def _stand(self, topics: Collection[str]) -> None:
        self._standing.update(topics)
        for topic in topics:
            if then := self._topics.get(topic):
                then()

    async def _keep_asking(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            async with asyncio.timeout(PATIENCE):
                await self._ping()

    def _tell_down(self, error: Exception) -> None:
        if not self._is_told:
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            # Its text may hold the URL, and with it a password.
            reason = type(error).__name__
            logger.warning("%s does not answer (%s). Watchers elsewhere wait for checkpoints.", self.name, reason)
            self._is_told = True
