"""What the server tells of itself."""

import strawberry


@strawberry.type(description="A model; `name` is what GenerationInput.model takes.")
class Model:
    name: str = strawberry.field(description="What GenerationInput.model takes.")
    context_length: int | None = strawberry.field(description="How many tokens it can take, if it says so.")
    is_default: bool = strawberry.field(description="Whether it answers when nobody asks for another.")


@strawberry.type(description="This server.")
class ServerInfo:
    version: str = strawberry.field(description="Its version.")
    engine: str = strawberry.field(description="What writes the replies: local, openai or builtin.")
    engine_reason: str = strawberry.field(description="Why that engine was chosen.")
    max_page_size: int = strawberry.field(description="How many entries a page may have.")
    max_message_length: int = strawberry.field(description="How many characters a message may have.")
