"""GraphQL types of a search: hits, and the places of the words in them."""

import strawberry

from schema.message import Message
from schema.paging import PageInfo
from schema.prices import priced
from services.search.snippets import RANGES


@strawberry.type(description="A part of a text, from its start to just before its end.")
class TextRange:
    start: int = strawberry.field(
        description="The index of the first character of the range, in UTF-16 code units, as JavaScript counts."
    )
    end: int = strawberry.field(
        description="The index just after the last character of the range, in UTF-16 code units."
    )


@strawberry.type(description="A message that contains what was searched for.")
class MessageSearchEdge:
    cursor: str = strawberry.field(
        description="The cursor of the hit: pass it as `after` to get the hits that come after it."
    )
    node: Message = strawberry.field(description="The message.")
    snippet: str = strawberry.field(
        description="About 120 characters of the message around the first word that was found; `…` stands for "
        "what was left out."
    )
    ranges: list[TextRange] = priced(
        strawberry.field(
            description="Where the words are in `snippet`, in order and without overlaps (at most 10): mark these."
        ),
        length=RANGES,
    )


@strawberry.type(
    description="A page of the messages that contain what was searched for, newest first. A page may have fewer "
    "hits than requested, even none, and still be followed by others: go on with `pageInfo.endCursor` while "
    "`pageInfo.hasNextPage` is true."
)
class MessageSearchConnection:
    edges: list[MessageSearchEdge] = strawberry.field(description="The hits of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page is within its list.")
    is_complete: bool = strawberry.field(
        description="Whether all messages are searched: false while the server still makes the index of older "
        "messages."
    )
