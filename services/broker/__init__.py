"""Brokers: hints from those who change a conversation to those who watch it, and the text of running replies."""

from collections.abc import Callable
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from models import Owner
from services.broker.texts import Text


class LiveReply(Text, Protocol):
    """The growing text of a running reply; `run` and `message_id` tell which reply it is."""

    @property
    def run(self) -> int: ...
    @property
    def message_id(self) -> str: ...

    def append(self, text: str) -> None:
        """Adds text. Listeners are told at once of the first text, then about every 30 ms."""

    def close(self) -> None:
        """Ends the reply once its final text is stored; listeners are told to read the rows again."""


class Listener(Protocol):
    """Is told, in the middle of whatever the caller does: it only notes what it will do."""

    @property
    def wants_text(self) -> bool:
        """Whether it is told of growing text for somebody who sees it."""
        ...

    def rows_changed(self) -> None: ...
    def text_grew(self) -> None: ...


class Broker(Protocol):
    @property
    def is_connected(self) -> bool:
        """Whether all processes are told now what happens in this one."""
        ...

    def open(
        self, conversation_id: str, run: int, message_id: str, text: str, on_change: Callable[[], None]
    ) -> LiveReply:
        """Begins a running reply with its text. `on_change` is called when rows of the conversation change."""
        ...

    def live(self, conversation_id: str) -> LiveReply | None:
        """Returns the running reply of the conversation, if this process writes it."""
        ...

    def follow(self, conversation_id: str, run: int, text: str) -> Text | None:
        """Returns the growing text of a run that another process writes, which begins with its row's `text`.

        None when it does not come here, or no listener wants it.
        """
        ...

    def changed(self, session: AsyncSession, conversation_id: str) -> None:
        """Tells listeners, after the session's commit, that rows of the conversation have changed.

        Whoever listens for lists is told too.
        """

    def list_changed(self, session: AsyncSession) -> None:
        """Tells those who listen, after the session's commit, that its owner's conversations have changed."""

    def listen(self, hint: Callable[[Owner], None]) -> None:
        """Lets `hint` be called whenever conversations of an owner have changed, were created or deleted."""

    def topics(self) -> list[str]:
        """Returns the ids of the conversations that somebody watches or writes here."""
        ...

    def subscribe(self, conversation_id: str, listener: Listener) -> None:
        """Lets the listener be told of everything that happens in the conversation from now on."""

    def unsubscribe(self, conversation_id: str, listener: Listener) -> None: ...
