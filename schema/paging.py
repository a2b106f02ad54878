"""GraphQL types of Relay's pagination: connections, edges and PageInfo."""

from typing import Generic, TypeVar

import strawberry

from resolvers import connections
from schema.binding import field

T = TypeVar("T")


@strawberry.type(description="Where a page is within its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list has items after this page.")
    has_previous_page: bool = strawberry.field(description="Whether the list has items before this page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first item of the page; null when the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last item of the page; null when the page is empty. Where a search ends a "
        "page early, the cursor of the last message that it looked at."
    )


@strawberry.type(description="An item of a page, with its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(
        description="The cursor of the item: pass it as `after` or `before` to get the page next to it."
    )
    node: T = strawberry.field(description="The item.")


@strawberry.type(
    description="A page of a list, as Relay defines it. Without `first` and `last` it has the first 20 items; of "
    "messages, the last 50. A cursor is the opaque position of an item in one list with its order and filters; "
    "no other list accepts it."
)
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The items of the page, with their cursors.")
    nodes: list[T] = strawberry.field(description="The items of the page, without their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page is within its list.")
    total_count: int = field(connections.total_count, "How many items the whole list has.")


FIRST = "Returns at most this many items (0–100)."
PAGE_ARGUMENTS = {
    "first": "Returns at most this many items (0–100) from the start of the list, or after `after`.",
    "after": "Returns the items that come after this cursor.",
    "last": "Returns at most this many items (0–100) from the end of the list, or before `before`.",
    "before": "Returns the items that come before this cursor.",
}
