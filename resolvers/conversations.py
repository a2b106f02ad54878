"""Fields and changes of conversations."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import strawberry

from models import Character, Conversation, Message
from resolvers.connections import Connection
from resolvers.context import Info
from resolvers.reads import reads
from services.conversations import ConversationOrder, Listing
from services.paging import Page, PageArguments, page_arguments
from services.reads import lists, relations
from services.streaming import cursors
from services.streaming.changes import ConversationChange
from services.streaming.cursors import Cursor

NEWEST = ConversationOrder.ACTIVE_DESC


@reads(relations.CONVERSATION)
async def conversation(info: Info, id: strawberry.ID) -> Conversation | None:
    return await info.context.loaders.conversations.load(id)


@reads(lists.CONVERSATIONS)
async def conversations(
    info: Info,
    character_id: strawberry.ID | None = None,
    first: int = 20,
    order_by: ConversationOrder = NEWEST,
    search: str | None = None,
) -> Sequence[Conversation]:
    service = info.context.services.conversations
    page = await service.page(info.context.owner, Listing(order_by, search), page_arguments(first), character_id)
    return page.nodes


@reads(lists.CONVERSATIONS_CONNECTION)
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
    listing, page = Listing(order_by, search), page_arguments(first, after, last, before)
    found = await service.page(owner, listing, page, character_id)
    return Connection(found, lambda: service.count(owner, listing, character_id))


@reads(lists.CONVERSATIONS_OF_CHARACTER)
async def of_character(
    character: strawberry.Parent[Character],
    info: Info,
    first: int = 20,
    order_by: ConversationOrder = NEWEST,
    search: str | None = None,
) -> Sequence[Conversation]:
    return (await _page_of(character, info, Listing(order_by, search), page_arguments(first))).nodes


@reads(lists.CONNECTION_OF_CHARACTER)
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
    page = await _page_of(character, info, listing, page_arguments(first, after, last, before))
    return Connection(page, partial(_count, character.id, listing, info))


@reads(relations.CONVERSATION_COUNT)
async def count_of_character(character: strawberry.Parent[Character], info: Info) -> int:
    return await _count(character.id, Listing(), info)


@reads(relations.CONVERSATION_OF_MESSAGE)
async def of_message(message: strawberry.Parent[Message], info: Info) -> Conversation | None:
    return await info.context.loaders.conversations.load(message.conversation_id)


async def chat_history(conversation: strawberry.Parent[Conversation], info: Info) -> list[dict[str, Any]]:
    info.context.saw(conversation.id, conversation.history_version)
    info.context.budget.spend(conversation.message_count)
    return await info.context.loaders.chat_histories_of.load(conversation.id)


@reads(relations.STREAM_CURSOR)
def stream_cursor(conversation: strawberry.Parent[Conversation], info: Info) -> str:
    return cursors.encode(conversation.id, Cursor(info.context.stream_version(conversation)))


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


async def clear_history(
    info: Info,
    conversation_id: strawberry.ID,
    include_greeting: bool = True,
    expected_history_version: int | None = None,
) -> dict[str, Any]:
    conversation, count = await info.context.services.conversations.clear_history(
        info.context.owner, conversation_id, include_greeting, expected_history_version
    )
    return {"conversation": conversation, "cleared_message_count": count}


async def fork(
    info: Info,
    conversation_id: strawberry.ID,
    up_to_message_id: strawberry.ID | None = None,
    title: str | None = None,
    idempotency_key: str | None = None,
) -> Conversation:
    return await info.context.services.conversations.fork(
        info.context.owner, conversation_id, up_to_message_id, title, idempotency_key
    )


async def changes(info: Info, conversation_id: strawberry.ID) -> AsyncIterator[ConversationChange]:
    """Checks first, then streams: a refusal is an error and not an event."""
    return await info.context.services.changes.watch(info.context.owner, conversation_id)


async def list_changes(info: Info, character_id: strawberry.ID | None = None) -> AsyncIterator[ConversationChange]:
    return await info.context.services.lists.watch(info.context.owner, character_id)


async def _page_of(character: Character, info: Info, listing: Listing, page: PageArguments) -> Page[Conversation]:
    if page.has_cursor:
        service = info.context.services.conversations
        return await service.page(info.context.owner, listing, page, character.id)
    return await info.context.loaders.conversations_of.load((character.id, listing, page))


async def _count(character_id: str, listing: Listing, info: Info) -> int:
    return await info.context.loaders.conversation_counts_of.load((character_id, listing))
