"""GraphQL types Model and ServerInfo."""

import strawberry


@strawberry.type(description="A model that the engine of this server can use for replies.")
class Model:
    name: str = strawberry.field(description="The name of the model, as GenerationInput.model takes it.")
    context_length: int | None = strawberry.field(
        description="The context length of the model in tokens; null when the engine does not report it."
    )
    is_default: bool = strawberry.field(description="Whether the model is used when no other one is requested.")


@strawberry.type(description="The version, the engine and the limits of this server.")
class ServerInfo:
    version: str = strawberry.field(description="The version of the server.")
    engine: str = strawberry.field(description="The engine that writes the replies: local, openai or builtin.")
    engine_reason: str = strawberry.field(description="Why the server chose this engine.")
    max_page_size: int = strawberry.field(description="The maximum number of items that a page can have.")
    max_message_length: int = strawberry.field(
        description="The maximum length of a message that is sent, edited or generated, in characters."
    )
    max_cost: int = strawberry.field(
        description="The maximum cost of a query or a mutation: about how many values its result can have, by the "
        "page sizes that it requests. Each event of a subscription is limited to a tenth of this."
    )
    max_document_tokens: int = strawberry.field(description="The maximum number of tokens of a document.")
    max_depth: int = strawberry.field(description="The maximum depth of a document, in levels of fields.")
    max_aliases: int = strawberry.field(
        description="The maximum number of aliases and repeated fields of a document."
    )
    max_directives: int = strawberry.field(description="The maximum number of directives of a document.")
    max_request_size: int = strawberry.field(
        description="The maximum size of a request or WebSocket message without a chat history, in bytes."
    )
    max_chat_history_size: int = strawberry.field(
        description="The maximum size of a request or WebSocket message of importConversation or "
        "updateChatHistory, in bytes."
    )
    max_answer_size: int = strawberry.field(
        description="The maximum size of the data of a result or of an event, in bytes."
    )
    max_operations: int = strawberry.field(
        description="The maximum number of operations at the same time on one WebSocket."
    )
    max_backlog_size: int = strawberry.field(
        description="The maximum size of the results that wait until the client of a WebSocket reads, in bytes."
    )
    wait_limit_seconds: float = strawberry.field(
        description="The maximum time that a mutation with the reply mode WAIT waits for the reply, in seconds."
    )
