"""What several types have in common."""

import strawberry


@strawberry.interface(description="Whatever has an id that `node` finds.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, unique among all types, and sortable by creation.")


@strawberry.interface(
    description="Whatever two people can change at once: give back the `version` you saw as `expectedVersion`."
)
class Versioned(Node):
    version: int = strawberry.field(description="Grows with each change.")


@strawberry.interface(description="Whoever can say something: a character today; personas and users later.")
class Speaker(Node):
    name: str = strawberry.field(description="What it is called.")
    avatar_url: str | None = strawberry.field(description="Where its picture is.")
