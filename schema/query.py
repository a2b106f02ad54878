"""GraphQL type Query."""

import strawberry

from resolvers import characters as character_fields
from resolvers import conversations as conversation_fields
from resolvers import messages as message_fields
from resolvers import nodes as node_fields
from schema import descriptions
from schema.binding import field
from schema.character import Character
from schema.conversation import Conversation
from schema.message import Message
from schema.nodes import Node
from schema.paging import FIRST, PAGE_ARGUMENTS, Connection
from schema.server import Model, ServerInfo

_CHARACTERS = {"order_by": descriptions.CHARACTER_ORDER, "search": descriptions.SEARCH_NAME}
_CONVERSATIONS = {
    "character_id": "Returns only the conversations with the character that has this id.",
    "order_by": descriptions.CONVERSATION_ORDER,
    "search": descriptions.SEARCH_TITLE,
}


@strawberry.type(description="The queries of this API. A lookup that finds nothing is null, not an error.")
class Query:
    node: Node | None = field(
        node_fields.node, "The object with this id; null when there is none.", id="The id of the object."
    )
    nodes: list[Node | None] = field(
        node_fields.nodes,
        "The objects with these ids, in the order of the ids; null in the place of an id that names nothing.",
        ids="The ids of the objects (at most 100).",
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
    models: list[Model] = field(
        node_fields.models, "The models that can write replies, as the configured engine reports them."
    )
    server_info: ServerInfo = field(
        node_fields.server_info, "The version, the engine and the limits of this server."
    )
