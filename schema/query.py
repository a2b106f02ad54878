"""What can be read."""

import strawberry

from resolvers import characters as character_fields
from resolvers import conversations as conversation_fields
from resolvers import messages as message_fields
from resolvers import nodes as node_fields
from schema.binding import field
from schema.character import Character
from schema.conversation import Conversation
from schema.message import Message
from schema.nodes import Node
from schema.paging import PAGE_ARGUMENTS, Connection
from schema.server import Model, ServerInfo

_BY_NAME = {"order_by": "In which order.", "search": "Only those whose name contains this."}
_BY_TITLE = {
    "character_id": "Only those with this character.",
    "order_by": "In which order.",
    "search": "Only those whose title contains this.",
}


@strawberry.type(description="What can be read.")
class Query:
    node: Node | None = field(node_fields.node, "Whatever has the id; null when nothing has.", id="The id.")
    nodes: list[Node | None] = field(
        node_fields.nodes, "Whatever has the ids, in their order; null where nothing has.", ids="At most 100 ids."
    )
    character: Character | None = field(
        character_fields.character, "One character; null when there is none.", id="The character's id."
    )
    characters: list[Character] = field(
        character_fields.characters, "Characters.", first="How many: 0 to 100.", **_BY_NAME
    )
    characters_connection: Connection[Character] = field(
        character_fields.characters_connection, "Characters, in pages.", **PAGE_ARGUMENTS, **_BY_NAME
    )
    conversation: Conversation | None = field(
        conversation_fields.conversation, "One conversation; null when there is none.", id="The conversation's id."
    )
    conversations: list[Conversation] = field(
        conversation_fields.conversations, "Conversations.", first="How many: 0 to 100.", **_BY_TITLE
    )
    conversations_connection: Connection[Conversation] = field(
        conversation_fields.conversations_connection, "Conversations, in pages.", **PAGE_ARGUMENTS, **_BY_TITLE
    )
    message: Message | None = field(
        message_fields.message, "One message; null when there is none.", id="The message's id."
    )
    models: list[Model] = field(node_fields.models, "What can answer, as the configured engine reports it.")
    server_info: ServerInfo = field(node_fields.server_info, "This server.")
