"""The broker of a single process: a growing text for each running reply, and watchers that are woken."""

import asyncio
from collections.abc import Callable
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from models import Owner, after_commit
from services.broker import Listener
from services.broker.texts import GrowingText, Text

# Seconds for which text is gathered before listeners are told again: less than between two reads from an engine,
# each of which is told at once.
DELTA_INTERVAL = 0.025


class Live(GrowingText):
    def __init__(self, topic: "Topic", run: int, message_id: str, text: str) -> None:
        super().__init__(text)
        self.run = run
        self.message_id = message_id
        self._topic = topic
        self._telling: asyncio.Handle | None = None
        self._last_told = float("-inf")

    def append(self, text: str) -> None:
        super().append(text)
        if self._telling is None:
            loop = asyncio.get_running_loop()
            # Never at once: several pieces that the engine sent together are told together.
            self._telling = loop.call_at(self._last_told + DELTA_INTERVAL, self._tell)

    def close(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        self._topic.close(self)

    def _tell(self) -> None:
        self._telling = None
        self._last_told = asyncio.get_running_loop().time()
        self._topic.tell_text()


class Topic:
    """What happens in one conversation. `on_unused` is called once nobody writes or listens any more."""

    def __init__(self, on_unused: Callable[[], None]) -> None:
        self.live: Live | None = None
        self.on_change: Callable[[], None] | None = None
        self.listeners: list[Listener] = []
        self._on_unused = on_unused

    def open(self, live: Live, on_change: Callable[[], None]) -> None:
        self.live, self.on_change = live, on_change
        self.tell_rows()

    def close(self, live: Live) -> None:
        # A reply is closed when its end is stored, and again when its task ends.
        if self.live is live:
            self.live = self.on_change = None
            self.tell_rows()
            self.remove_unused()

    def announce(self) -> None:
        if self.on_change is not None:
            self.on_change()
        self.tell_rows()

    def tell_rows(self) -> None:
        for listener in self.listeners:
            listener.rows_changed()

    def tell_text(self) -> None:
        for listener in self.listeners:
            listener.text_grew()

    def remove_unused(self) -> None:
        if self.live is None and not self.listeners:
            self._on_unused()


class MemoryBroker:
    """Keeps a topic for a conversation only while somebody writes or listens."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self._hints: list[Callable[[Owner], None]] = []

    @property
    def is_connected(self) -> bool:
        return True

    def start(self) -> None:
        """Does nothing: there is nobody to connect to."""

    async def close(self) -> None:
        """Does nothing: there is no connection."""

    def open(
        self, conversation_id: str, run: int, message_id: str, text: str, on_change: Callable[[], None]
    ) -> Live:
        topic = self._topic(conversation_id)
        live = Live(topic, run, message_id, text)
        topic.open(live, on_change)
        return live

    def live(self, conversation_id: str) -> Live | None:
        topic = self._topics.get(conversation_id)
        return topic.live if topic else None

    def follow(self, conversation_id: str, run: int, text: str) -> Text | None:
        """Returns None: what another process writes is seen in its rows."""
        return None

    def changed(self, session: AsyncSession, conversation_id: str) -> None:
        after_commit(session, partial(self._announce, conversation_id))
        self.list_changed(session)

    def list_changed(self, session: AsyncSession) -> None:
        for hint in self._hints:
            after_commit(session, partial(hint, session.info["owner"]))

    def listen(self, hint: Callable[[Owner], None]) -> None:
        self._hints.append(hint)

    def topics(self) -> list[str]:
        return list(self._topics)

    def subscribe(self, conversation_id: str, listener: Listener) -> None:
        self._topic(conversation_id).listeners.append(listener)

    def unsubscribe(self, conversation_id: str, listener: Listener) -> None:
        topic = self._topics[conversation_id]
        topic.listeners.remove(listener)
        topic.remove_unused()

    def _announce(self, conversation_id: str) -> None:
        if topic := self._topics.get(conversation_id):
            topic.announce()

    def _topic(self, conversation_id: str) -> Topic:
        if (topic := self._topics.get(conversation_id)) is None:
            topic = self._topics[conversation_id] = self._new_topic(conversation_id)
        return topic

    def _new_topic(self, conversation_id: str) -> Topic:
        return Topic(partial(self._remove, conversation_id))

    def _remove(self, conversation_id: str) -> None:
        del self._topics[conversation_id]
