"""What a caller may ask of a reply, and what it gets: values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models import Conversation, Generation, Message
from services.generations import generation_with


class ReplyMode(StrEnum):
    WAIT = "WAIT"
    BACKGROUND = "BACKGROUND"
    NONE = "NONE"


class BusyPolicy(StrEnum):
    REJECT = "REJECT"
    STOP = "STOP"


@dataclass(frozen=True)
class ReplyOptions:
    reply_mode: ReplyMode = ReplyMode.WAIT
    if_busy: BusyPolicy = BusyPolicy.REJECT
    generation: Mapping[str, Any] | None = None
    idempotency_key: str | None = None

    def settings(self) -> Generation:
        """Raises InvalidInput."""
        return generation_with(Generation(), self.generation or {})


@dataclass(frozen=True)
class SentReply:
    """What was sent, and the reply to it. `stream_cursor` is the position just before the reply's first event.

    `run` is the history version at which the reply's run began; None means that there is no reply.
    """

    conversation: Conversation | None
    message: Message | None = None
    reply: Message | None = None
    stream_cursor: str | None = None
    run: int | None = None
