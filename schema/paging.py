"""Relay's connections."""

from typing import Generic, TypeVar

import strawberry

from resolvers import connections
from schema.binding import field

T = TypeVar("T")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on after this page.")
    has_previous_page: bool = strawberry.field(description="Whether something stands before this page.")
    start_cursor: str | None = strawberry.field(description="The first entry's cursor.")
    end_cursor: str | None = strawberry.field(description="The last entry's cursor.")


@strawberry.type(description="An entry of a page.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Give it as `after` or `before` to go on from here.")
    node: T = strawberry.field(description="The entry itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The entries with their cursors.")
    nodes: list[T] = strawberry.field(description="The entries alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    total_count: int = field(connections.total_count, "How many entries the whole list has.")


PAGE_ARGUMENTS = {
    "first": "How many from the beginning, or after `after`: 0 to 100.",
    "after": "A cursor: what follows it.",
    "last": "How many from the end, or before `before`: 0 to 100.",
    "before": "A cursor: what comes before it.",
}
