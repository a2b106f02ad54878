"""Pages as Relay's connections: values that read the same as the API's types."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry

from services.paging import Page


@dataclass(frozen=True)
class Edge:
    cursor: str
    node: Any


@dataclass(frozen=True)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True)
class Connection:
    """A page, and how to count the whole list; counting happens only when it is asked for."""

    page: Page[Any]
    count: Callable[[], Awaitable[int]]

    @property
    def nodes(self) -> Sequence[Any]:
        return self.page.nodes

    @property
    def edges(self) -> list[Edge]:
        return [Edge(cursor, node) for cursor, node in zip(self.page.cursors, self.page.nodes, strict=True)]

    @property
    def page_info(self) -> PageInfo:
        cursors = self.page.cursors
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


async def total_count(connection: strawberry.Parent[Connection]) -> int:
    return await connection.count()
