"""What happens to a reply, in the order it happens. Every event carries the cursor that resumes after it."""

from dataclasses import dataclass

from models import Failure, FinishReason, Status
from services.texts import Text


@dataclass(frozen=True)
class AsOf:
    """The reply as it stood at an event: `text` up to `length`; status None means: as the row says."""

    text: Text
    length: int
    status: Status | None

    @property
    def content(self) -> str:
        return self.text.part(0, self.length)


@dataclass(frozen=True)
class _Event:
    cursor: str
    message_id: str
    as_of: AsOf


@dataclass(frozen=True)
class ReplyStarted(_Event):
    """A run begins; `content` is the text before it."""

    content: str


@dataclass(frozen=True)
class ReplyDelta(_Event):
    """More text; `offset` counts UTF-16 code units."""

    offset: int
    delta: str


@dataclass(frozen=True)
class ReplySnapshot(_Event):
    """The text was replaced: edited, or its end lost in a crash."""

    content: str


@dataclass(frozen=True)
class ReplyFinished(_Event):
    finish_reason: FinishReason


@dataclass(frozen=True)
class ReplyFailed(_Event):
    failure: Failure


ReplyEvent = ReplyStarted | ReplyDelta | ReplySnapshot | ReplyFinished | ReplyFailed
