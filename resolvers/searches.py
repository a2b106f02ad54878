"""Searches of messages, as connections of hits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import strawberry

from models import Message
from resolvers.connections import PageInfo
from resolvers.context import Info
from resolvers.messages import by_id
from services.paging import page_arguments
from services.search import snippets
from services.search.service import Finds
from services.search.snippets import Snippet, TextRange

# Characters of the messages of a page beyond which their snippets would hold up the event loop: about 5 ms.
THREAD_LENGTH = 50_000


@dataclass
class Hit:
    cursor: str
    node: Message
    words: Sequence[str]

    @property
    def snippet(self) -> str:
        return self._made.text

    @property
    def ranges(self) -> Sequence[TextRange]:
        return self._made.ranges

    @cached_property
    def _made(self) -> Snippet:
        return snippets.snippet(self.node.content, self.words)


@dataclass(frozen=True)
class SearchConnection:
    edges: Sequence[Hit]
    page_info: PageInfo
    is_complete: bool


async def search_messages(
    info: Info,
    query: str,
    character_id: strawberry.ID | None = None,
    conversation_id: strawberry.ID | None = None,
    first: int = 20,
    after: str | None = None,
) -> SearchConnection:
    service, owner = info.context.services.search, info.context.owner
    page = page_arguments(first, after)
    finds = await service.messages(owner, query, character_id, conversation_id, page)
    return SearchConnection(await _hits(info, finds), _page_info(finds), finds.is_complete)


async def _hits(info: Info, finds: Finds) -> list[Hit]:
    """Returns the hits whose messages have not been deleted since they were found."""
    messages = await asyncio.gather(*(by_id(info, one.message_id) for one in finds.found))
    hits = [
        Hit(cursor, message, finds.words)
        for cursor, message in zip(finds.cursors, messages, strict=True)
        if message is not None
    ]
    if sum(len(hit.node.content) for hit in hits) > THREAD_LENGTH:
        await asyncio.to_thread(_make_snippets, hits)
    return hits


def _make_snippets(hits: Sequence[Hit]) -> None:
    for hit in hits:
        _ = hit.snippet


def _page_info(finds: Finds) -> PageInfo:
    start = finds.cursors[0] if finds.cursors else None
    return PageInfo(finds.has_next, finds.has_previous, start, finds.end_cursor)
