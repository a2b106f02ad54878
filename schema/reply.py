"""What happens to a reply while it is written."""

import strawberry

import models
from resolvers import replies
from schema.binding import field, stands_for
from schema.generation import ReplyFailure
from schema.message import Message
from services import events


@strawberry.interface(
    description="Something that happened to a reply. One final event ends each run: ReplyFinished (COMPLETED, "
    "STOPPED) or ReplyFailed (FAILED, INTERRUPTED)."
)
class ReplyEvent:
    cursor: str = strawberry.field(description="Remember the last one; pass it as `after` to resume.")
    message_id: strawberry.ID = strawberry.field(description="Costs nothing; enough to append deltas.")
    message: Message | None = field(
        replies.message_of_event,
        "Its `content` includes this event; select that only to show the newest event alone (it sends the whole "
        "text each time). Null once deleted.",
    )


@strawberry.type(description="A reply begins, or goes on after continueReply.")
@stands_for(events.ReplyStarted)
class ReplyStarted(ReplyEvent):
    content: str = strawberry.field(
        description="The text before this run: empty, or what a continuation builds on. Replaces what you have."
    )


@strawberry.type(description="More text.")
@stands_for(events.ReplyDelta)
class ReplyDelta(ReplyEvent):
    offset: int = strawberry.field(
        description="Where `delta` belongs, in UTF-16 code units as JavaScript counts: "
        "`text = text.slice(0, offset) + delta` is right even for a delta seen twice."
    )
    delta: str = strawberry.field(description="The text that came.")


@strawberry.type(
    description="Replaces what you have: the text was edited meanwhile, or its end was lost in a crash."
)
@stands_for(events.ReplySnapshot)
class ReplySnapshot(ReplyEvent):
    content: str = strawberry.field(description="The text as it is now.")


@strawberry.type(description="Final.")
@stands_for(events.ReplyFinished)
class ReplyFinished(ReplyEvent):
    finish_reason: models.FinishReason = strawberry.field(description="Why the text ends here.")


@strawberry.type(description="Final.")
@stands_for(events.ReplyFailed)
class ReplyFailed(ReplyEvent):
    failure: ReplyFailure = strawberry.field(description="What went wrong.")


EVENTS = [ReplyStarted, ReplyDelta, ReplySnapshot, ReplyFinished, ReplyFailed]
