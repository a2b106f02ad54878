"""GraphQL type Query."""

import strawberry

from resolvers import accounts as account_fields
from resolvers import characters as character_fields
from resolvers import conversations as conversation_fields
from resolvers import messages as message_fields
from resolvers import nodes as node_fields
from resolvers import searches as search_fields
from schema import descriptions
from schema.account import AuditEvent, User, Viewer
from schema.binding import field
from schema.character import Character
from schema.conversation import Conversation
from schema.message import Message
from schema.nodes import Node
from schema.paging import FIRST, PAGE_ARGUMENTS, Connection
from schema.prices import priced
from schema.search import MessageSearchConnection
from schema.server import Model, ServerInfo
from services.engines.asking import MAX_MODELS

_CHARACTERS = {"order_by": descriptions.CHARACTER_ORDER, "search": descriptions.SEARCH_NAME}
_CONVERSATIONS = {
    "character_id": "Returns only the conversations with the character that has this id.",
    "order_by": descriptions.CONVERSATION_ORDER,
    "search": descriptions.SEARCH_TITLE,
}
_NAMES = "Returns only the users whose name contains this text, ignoring case."


@strawberry.type(description="The queries of this API. A lookup that finds nothing is null, not an error.")
class Query:
    node: Node | None = field(
        node_fields.node, "The object with this id; null when there is none.", id="The id of the object."
    )
    nodes: list[Node | None] = priced(
        field(
            node_fields.nodes,
            "The objects with these ids, in the order of the ids; null in the place of an id that names nothing.",
            ids="The ids of the objects (at most 100).",
        ),
        sized_by="ids",
    )
    character: Character | None = field(
        character_fields.character,
        "The character with this id; null when there is none.",
        id="The id of the character.",
    )
    characters: list[Character] = field(
        character_fields.characters, "The first characters, in the given order.", first=FIRST, **_CHARACTERS
    )
    characters_connection: Connection[Character] = field(
        character_fields.characters_connection, "All characters, in pages.", **PAGE_ARGUMENTS, **_CHARACTERS
    )
    conversation: Conversation | None = field(
        conversation_fields.conversation,
        "The conversation with this id; null when there is none.",
        id="The id of the conversation.",
    )
    conversations: list[Conversation] = field(
        conversation_fields.conversations,
        "The first conversations, in the given order.",
        first=FIRST,
        **_CONVERSATIONS,
    )
    conversations_connection: Connection[Conversation] = field(
        conversation_fields.conversations_connection,
        "All conversations, in pages.",
        **PAGE_ARGUMENTS,
        **_CONVERSATIONS,
    )
    message: Message | None = field(
        message_fields.message, "The message with this id; null when there is none.", id="The id of the message."
    )
    search_messages: MessageSearchConnection = field(
        search_fields.search_messages,
        "The messages that contain all words of the query, newest first, on every path of their conversations. "
        "Case does not matter, and parts of words are found too.",
        query="The words to search for, in any language (at most 10 words and 200 characters); words in quotation "
        "marks must follow one another.",
        character_id="Returns only messages of conversations with the character that has this id.",
        conversation_id="Returns only messages of the conversation that has this id.",
        first=FIRST,
        after="Returns the hits that come after this cursor.",
    )
    models: list[Model] = priced(
        field(
            node_fields.models,
            "The models that can write replies (at most 500), as the configured engine reports them; it is asked "
            "again after half a minute.",
        ),
        length=MAX_MODELS,
    )
    viewer: Viewer = field(account_fields.viewer, "Who makes the request.")
    users: list[User] = field(
        account_fields.users,
        "The first users, by name. Only an admin may ask for them.",
        first=FIRST,
        search=_NAMES,
    )
    users_connection: Connection[User] = field(
        account_fields.users_connection,
        "All users, by name, in pages. Only an admin may ask for them.",
        **PAGE_ARGUMENTS,
        search=_NAMES,
    )
    audit_events_connection: Connection[AuditEvent] = field(
        account_fields.audit_events_connection,
        "What was done to the account of the viewer, newest first, in pages; for an admin, to all accounts.",
        **PAGE_ARGUMENTS,
    )
    server_info: ServerInfo = field(
        node_fields.server_info, "The version, the engine and the limits of this server."
    )
