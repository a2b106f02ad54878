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
    max_message_length: int = strawberry.field(description="The maximum length of a message, in characters.")
