"""Fields and changes of conversations."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import strawberry

from models import Character, Conversation, Message
from resolvers.connections import Connection
from resolvers.context import Info
from services import cursors
from services.changes import ConversationChange
from services.conversations import ConversationOrder, Listing
from services.cursors import Cursor
from services.paging import Page, PageWish, wish

NEWEST = ConversationOrder.ACTIVE_DESC


async def conversation(info: Info, id: strawberry.ID) -> Conversation | None:
    return await info.context.loaders.conversations.load(id)


async def conversations(
    info: Info,
    character_id: strawberry.ID | None = None,
    first: int = 20,
    order_by: ConversationOrder = NEWEST,
    search: str | None = None,
) -> Sequence[Conversation]:
    service = info.context.services.conversations
    page = await service.page(info.context.owner, Listing(order_by, search), wish(first), character_id)
    return page.nodes


async def conversations_connection(
    info: Info,
    character_id: strawberry.ID | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    order_by: ConversationOrder = NEWEST,
    search: str | None = None,
) -> Connection:
    owner, service = info.context.owner, info.context.services.conversations
    listing, page = Listing(order_by, search), wish(first, after, last, before)
    found = await service.page(owner, listing, page, character_id)
    return Connection(found, lambda: service.count(owner, listing, character_id))


async def of_character(
    character: strawberry.Parent[Character],
    info: Info,
    first: int = 20,
    order_by: ConversationOrder = NEWEST,
    search: str | None = None,
) -> Sequence[Conversation]:
    return (await _page_of(character, info, Listing(order_by, search), wish(first))).nodes


async def connection_of_character(
    character: strawberry.Parent[Character],
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    order_by: ConversationOrder = NEWEST,
    search: str | None = None,
) -> Connection:
    listing = Listing(order_by, search)
    page = await _page_of(character, info, listing, wish(first, after, last, before))
    return Connection(page, partial(_count, character.id, listing, info))


async def count_of_character(character: strawberry.Parent[Character], info: Info) -> int:
    return await _count(character.id, Listing(), info)


async def of_message(message: strawberry.Parent[Message], info: Info) -> Conversation | None:
    return await info.context.loaders.conversations.load(message.conversation_id)


async def chat_history(conversation: strawberry.Parent[Conversation], info: Info) -> list[dict[str, Any]]:
    return await info.context.loaders.chat_histories_of.load(conversation.id)


def stream_cursor(conversation: strawberry.Parent[Conversation]) -> str:
    return cursors.encode(conversation.id, Cursor(conversation.history_version))


async def create(
    info: Info,
    character_id: strawberry.ID,
    fields: dict[str, Any],
    include_greeting: bool = True,
    idempotency_key: str | None = None,
) -> Conversation:
    service = info.context.services.conversations
    return await service.create(info.context.owner, character_id, fields, include_greeting, idempotency_key)


async def update(
    info: Info, conversation_id: strawberry.ID, fields: dict[str, Any], expected_version: int | None = None
) -> Conversation:
    service = info.context.services.conversations
    return await service.update(info.context.owner, conversation_id, fields, expected_version)


async def delete(info: Info, conversation_id: strawberry.ID) -> dict[str, Any]:
    character = await info.context.services.conversations.delete(info.context.owner, conversation_id)
    return {"deleted_conversation_id": conversation_id, "character": character}


async def changes(info: Info, conversation_id: strawberry.ID) -> AsyncIterator[ConversationChange]:
    """Check first, then stream: a refusal is an error and no event."""
    found = await info.context.services.changes.watch(conversation_id)
    return info.context.anew(found)


async def _page_of(character: Character, info: Info, listing: Listing, page: PageWish) -> Page[Conversation]:
    if page.has_cursor:
        service = info.context.services.conversations
        return await service.page(info.context.owner, listing, page, character.id)
    return await info.context.loaders.conversations_of.load((character.id, listing, page))


async def _count(character_id: str, listing: Listing, info: Info) -> int:
    return await info.context.loaders.conversation_counts_of.load((character_id, listing))
