"""GraphQL type Subscription."""

import strawberry

from resolvers import conversations, replies
from schema import descriptions
from schema.binding import subscription
from schema.conversation import ConversationChange
from schema.reply import ReplyEvent


@strawberry.type(
    description="The subscriptions of this API, over WebSocket, server-sent events or multipart HTTP. Those of "
    "one conversation end when it is deleted."
)
class Subscription:
    reply_stream: ReplyEvent = subscription(
        replies.reply_stream,
        "Streams the events of the replies in a conversation: first every event after `after`, then live ones. "
        "Without `after`, it begins with the reply that is being written, if there is one, from its first "
        "character. Stopping a reply is a mutation, never a disconnect.",
        conversation_id=descriptions.CONVERSATION_TO_WATCH,
        after="Returns the events that come after this stream cursor: the `cursor` of an event or a "
        "`streamCursor`.",
        until_done="Whether the stream ends when a reply has ended and no other one is being written. When none "
        "is being written at first, it waits for the next one.",
    )
    conversation_changed: ConversationChange = subscription(
        conversations.changes,
        "Streams the state of a conversation: as it is now, and again after changes of its fields or messages, "
        "not while a reply grows. Changes in quick succession become one event. A reconnect needs no cursor, "
        "because the first event is the current state.",
        conversation_id=descriptions.CONVERSATION_TO_WATCH,
    )
    conversations_changed: ConversationChange = subscription(
        conversations.list_changes,
        "Streams each conversation that is created, changed or deleted, for a list of conversations. It begins "
        "with no state: subscribe first, then query the list, and query it again after a reconnect. Changes in "
        "quick succession become one event for each conversation, and one may come twice; compare versions. It "
        "never ends by itself.",
        character_id="Streams only the conversations with the character that has this id.",
    )
