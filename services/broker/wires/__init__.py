"""Wires: how the processes that serve the same conversations tell each other what to look at."""

from collections.abc import Callable, Sequence
from typing import Protocol

# Called with the topic and the bytes of a frame, in the middle of whatever the wire does.
Receive = Callable[[str, bytes], None]


class Wire(Protocol):
    """Keeps nothing. A frame arrives at most once, and in order among those of one sender.

    `pace` is the number of seconds between two calls of `publish`. `is_up` tells whether frames can come and go.
    """

    pace: float
    is_up: bool

    def open(self, receive: Receive) -> None:
        """Begins to connect, and connects again whenever the connection is lost."""

    async def close(self) -> None: ...

    async def publish(self, frames: Sequence[tuple[str, bytes]]) -> None:
        """Sends frames, each with its topic, to all who subscribe to it. Raises an exception when it cannot."""

    def subscribe(self, topic: str, then: Callable[[], None]) -> None:
        """Receives the topic's frames. `then` is called when they can come, and again after each interruption."""

    def unsubscribe(self, topic: str) -> None: ...
