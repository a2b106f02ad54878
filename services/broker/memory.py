"""The broker of a single process: a growing text for each running reply, and watchers that are woken."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from models import after_commit
from services.broker.texts import GrowingText

# Seconds for which text is gathered before watchers are woken again.
DELTA_INTERVAL = 0.03


class _Live(GrowingText):
    def __init__(
        self, topic: "_Topic", run: int, message_id: str, text: str, on_change: Callable[[], None]
    ) -> None:
        super().__init__(text)
        self.on_change = on_change
        self.on_close: Callable[[], None] = lambda: None
        self.run = run
        self.message_id = message_id
        self._topic = topic
        self._waking: asyncio.TimerHandle | None = None
        self._last_woken = float("-inf")

    def append(self, text: str) -> None:
        super().append(text)
        if self._waking is None:
            loop = asyncio.get_running_loop()
            due = self._last_woken + DELTA_INTERVAL
            if loop.time() >= due:
                self._wake()
            else:
                self._waking = loop.call_at(due, self._wake)

    def close(self) -> None:
        if self._waking is not None:
            self._waking.cancel()
        if self._topic.live is self:
            self._topic.live = None
        self._topic.wake_all()
        self.on_close()

    def _wake(self) -> None:
        self._waking = None
        self._last_woken = asyncio.get_running_loop().time()
        for watch in self._topic.watches:
            watch.wake()


class _Watch:
    def __init__(self) -> None:
        self._news = False
        self._woken = asyncio.Event()

    def wake(self, news: bool = False) -> None:
        self._news = self._news or news
        self._woken.set()

    def take_news(self) -> bool:
        news, self._news = self._news, False
        return news

    async def changed(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()


class _Topic:
    def __init__(self) -> None:
        self.live: _Live | None = None
        self.watches: set[_Watch] = set()

    def wake_all(self) -> None:
        for watch in self.watches:
            watch.wake(news=True)

    def announce(self) -> None:
        if self.live is not None:
            self.live.on_change()
        self.wake_all()

    @property
    def unused(self) -> bool:
        return self.live is None and not self.watches


class MemoryBroker:
    """Keeps a topic for a conversation only while somebody writes or watches."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}

    def open(
        self, conversation_id: str, run: int, message_id: str, text: str, on_change: Callable[[], None]
    ) -> _Live:
        topic = self._topics.setdefault(conversation_id, _Topic())
        topic.live = _Live(topic, run, message_id, text, on_change)
        topic.live.on_close = partial(self._remove_unused, conversation_id)
        topic.wake_all()
        return topic.live

    def live(self, conversation_id: str) -> _Live | None:
        topic = self._topics.get(conversation_id)
        return topic.live if topic else None

    def changed(self, session: AsyncSession, conversation_id: str) -> None:
        after_commit(session, partial(self._announce, conversation_id))

    def topics(self) -> list[str]:
        return list(self._topics)

    def _announce(self, conversation_id: str) -> None:
        if topic := self._topics.get(conversation_id):
            topic.announce()
            self._remove_unused(conversation_id)

    @contextmanager
    def watch(self, conversation_id: str) -> Iterator[_Watch]:
        topic = self._topics.setdefault(conversation_id, _Topic())
        watch = _Watch()
        topic.watches.add(watch)
        try:
            yield watch
        finally:
            topic.watches.discard(watch)
            self._remove_unused(conversation_id)

    def _remove_unused(self, conversation_id: str) -> None:
        topic = self._topics.get(conversation_id)
        if topic and topic.unused:
            del self._topics[conversation_id]
