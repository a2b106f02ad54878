"""GraphQL interface ReplyEvent, and its types: the events of a reply."""

import strawberry

import models
from resolvers import replies
from schema.binding import field, represents
from schema.generation import ReplyFailure
from schema.message import Message
from services.streaming import events


@strawberry.interface(
    description="An event of a reply. A run is the writing of a reply from its ReplyStarted to its one final "
    "event: ReplyFinished (COMPLETED, STOPPED) or ReplyFailed (FAILED, INTERRUPTED); continueReply begins another "
    "run. More types may be added: ignore an event whose type is unknown, but keep its `cursor`."
)
class ReplyEvent:
    cursor: str = strawberry.field(
        description="The stream cursor of the event: its opaque position in the stream of the conversation. Keep "
        "the last one and pass it as `after` to replyStream to resume, over any transport and after a restart."
    )
    message_id: strawberry.ID = strawberry.field(
        description="The id of the reply. To append deltas, select this in place of `message`, which is read anew "
        "for each event."
    )
    message: Message | None = field(
        replies.message_of_event,
        "The reply as of this event; null once it is deleted. Its `content` is the whole text, sent with each "
        "event: select it only to show the newest event by itself, and `offset` and `delta` otherwise.",
    )


@strawberry.type(description="Occurs when a run begins: of a new reply, or of one that continueReply continues.")
@represents(events.ReplyStarted)
class ReplyStarted(ReplyEvent):
    content: str = strawberry.field(
        description="The text of the reply before this run: empty, or the text that is continued. Replaces the "
        "text that you have."
    )


@strawberry.type(description="Occurs when the text of the reply grows.")
@represents(events.ReplyDelta)
class ReplyDelta(ReplyEvent):
    offset: int = strawberry.field(
        description="Where `delta` belongs in the text, in UTF-16 code units as JavaScript counts: "
        "`text = text.slice(0, offset) + delta` is right even for a delta that comes twice."
    )
    delta: str = strawberry.field(description="The text that was added.")


@strawberry.type(
    description="Occurs when the text of the reply was replaced: it was edited, or its end was lost in a crash."
)
@represents(events.ReplySnapshot)
class ReplySnapshot(ReplyEvent):
    content: str = strawberry.field(
        description="The whole text of the reply as of this event. Replaces the text that you have."
    )


@strawberry.type(description="The final event of a run whose reply is COMPLETED or STOPPED.")
@represents(events.ReplyFinished)
class ReplyFinished(ReplyEvent):
    finish_reason: models.FinishReason = strawberry.field(
        description="Why the text of the reply ends where it ends."
    )


@strawberry.type(description="The final event of a run whose reply is FAILED or INTERRUPTED.")
@represents(events.ReplyFailed)
class ReplyFailed(ReplyEvent):
    failure: ReplyFailure = strawberry.field(description="Why the reply failed.")


EVENTS = [ReplyStarted, ReplyDelta, ReplySnapshot, ReplyFinished, ReplyFailed]
