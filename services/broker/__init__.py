"""From whoever writes a reply to whoever watches it, in one process or in many."""

from contextlib import AbstractContextManager
from typing import Protocol

from services.texts import Text


class LiveReply(Text, Protocol):
    """The text of a running reply, growing; `run` and `message_id` tell which reply it is."""

    @property
    def run(self) -> int: ...
    @property
    def message_id(self) -> str: ...

    def append(self, text: str) -> None:
        """Add text; watchers are woken at once for the first, then every 30 ms or so."""

    def close(self) -> None:
        """End the reply once its final text is stored; watchers read the rows again."""


class Watch(Protocol):
    """One watcher's place. It holds no text, so a slow watcher costs nothing and slows nobody."""

    def take_news(self) -> bool:
        """Return whether rows have changed since this was last asked."""

    async def changed(self, patience: float) -> None:
        """Return when rows have changed or text has come, or after `patience` seconds."""


class Broker(Protocol):
    def open(self, conversation_id: str, run: int, message_id: str, text: str) -> LiveReply:
        """Begin a running reply that stands at `text`."""
        ...

    def live(self, conversation_id: str) -> LiveReply | None:
        """Return the running reply of the conversation, if its text can be had here."""
        ...

    def announce(self, conversation_id: str) -> None:
        """Tell watchers that rows of the conversation have changed."""

    def watch(self, conversation_id: str) -> AbstractContextManager[Watch]:
        """Begin to watch: whatever changes from now on is noticed."""
        ...
