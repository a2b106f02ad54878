"""GraphQL interfaces Node, Versioned and Speaker."""

import strawberry


@strawberry.interface(description="An object with an id; Query.node finds it by that id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="The id of the object: opaque, unique across all types, and sortable by creation."
    )


@strawberry.interface(
    description="An object that several clients can change at the same time. Pass the `version` that a change is "
    "based on as `expectedVersion` to prevent lost updates."
)
class Versioned(Node):
    version: int = strawberry.field(
        description="The version of the object; it grows with each change of its fields."
    )


@strawberry.interface(description="An author of messages: a character today; personas and users later.")
class Speaker(Node):
    name: str = strawberry.field(description="The name of the speaker.")
    avatar_url: str | None = strawberry.field(description="The URL of the speaker's picture.")
