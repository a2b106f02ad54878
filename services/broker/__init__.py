"""Brokers: hints from those who change a conversation to those who watch it, and the text of running replies."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from services.broker.texts import Text


class LiveReply(Text, Protocol):
    """The growing text of a running reply; `run` and `message_id` tell which reply it is."""

    @property
    def run(self) -> int: ...
    @property
    def message_id(self) -> str: ...

    def append(self, text: str) -> None:
        """Adds text. Watchers are woken at once for the first text, then about every 30 ms."""

    def close(self) -> None:
        """Ends the reply once its final text is stored; watchers read the rows again."""


class Watch(Protocol):
    """One watcher's place. It holds no text, so a slow watcher costs nothing and slows nobody down."""

    def take_news(self) -> bool:
        """Returns whether rows have changed since this was last asked."""

    async def changed(self, timeout: float) -> None:
        """Returns when rows have changed or text has come, or after `timeout` seconds."""


class Broker(Protocol):
    def open(
        self, conversation_id: str, run: int, message_id: str, text: str, on_change: Callable[[], None]
    ) -> LiveReply:
        """Begins a running reply with its text. `on_change` is called when rows of the conversation change."""
        ...

    def live(self, conversation_id: str) -> LiveReply | None:
        """Returns the running reply of the conversation, if its text is available here."""
        ...

    def changed(self, session: AsyncSession, conversation_id: str) -> None:
        """Tells watchers, after the session's commit, that rows of the conversation have changed."""

    def topics(self) -> list[str]:
        """Returns the ids of the conversations that somebody watches or writes here."""
        ...

    def watch(self, conversation_id: str) -> AbstractContextManager[Watch]:
        """Begins to watch: whatever changes from now on is noticed."""
        ...
