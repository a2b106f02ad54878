"""Reply events, in the order they happen. Each carries the cursor that resumes after it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from models import Failure, FinishReason, Message, Status
from services.broker.texts import Text


class AsOf(NamedTuple):
    """The reply as it was at an event: `text` up to `length`. Status None means the row's.

    `version` is the history version up to which the stream was delivered.
    """

    text: Text
    length: int
    status: Status | None
    version: int

    @property
    def content(self) -> str:
        return self.text.part(0, self.length)

    def show(self, message: Message) -> Message:
        """Returns a copy of the message as it was then; the row may have changed since."""
        return message.shown_as(self.content, self.status or message.status)


# Not frozen, which would take three times as long for each piece of text.
@dataclass
class _Event:
    """`answers` is for what is made of the event for one watcher, and is the same for others; by who made it."""

    cursor: str
    message_id: str
    as_of: AsOf
    answers: dict[object, bytes] = field(default_factory=dict, kw_only=True, repr=False, compare=False)


@dataclass
class ReplyStarted(_Event):
    """A run begins; `content` is the text before it."""

    content: str


@dataclass
class ReplyDelta(_Event):
    """More text; `offset` counts UTF-16 code units."""

    offset: int
    delta: str


@dataclass
class ReplySnapshot(_Event):
    """The text was replaced: it was edited, or its end was lost in a crash."""

    content: str


@dataclass
class ReplyFinished(_Event):
    finish_reason: FinishReason


@dataclass
class ReplyFailed(_Event):
    failure: Failure


ReplyEvent = ReplyStarted | ReplyDelta | ReplySnapshot | ReplyFinished | ReplyFailed
