"""What can be watched."""

import strawberry

from resolvers import conversations, replies
from schema.binding import subscription
from schema.conversation import ConversationChange
from schema.reply import ReplyEvent


@strawberry.type(description="What can be watched.")
class Subscription:
    reply_stream: ReplyEvent = subscription(
        replies.reply_stream,
        "Replays every event after `after`, then goes on live; without `after` it begins with the running reply, "
        "if there is one, from its first character. Ends when the conversation is deleted.",
        conversation_id="The conversation to watch.",
        after="A cursor of an earlier event, or a streamCursor.",
        until_done="Whether it ends after the first final event that leaves nothing being written.",
    )
    conversation_changed: ConversationChange = subscription(
        conversations.changes,
        "The conversation now, and again after each change of its fields, history or title, gathered; not while a "
        "reply grows. Because it begins with the state, a reconnect needs no cursor. Ends when the conversation "
        "is deleted.",
        conversation_id="The conversation to watch.",
    )
