"""Fields of messages, and of the path and the tree of a conversation."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import strawberry

from models import Conversation, Message
from resolvers.connections import Connection
from resolvers.context import Info
from resolvers.reads import reads
from services import excerpts
from services.messages import LAST_PAGE, TreePosition
from services.paging import Page, PageArguments, page_arguments, size_around
from services.reads import lists, relations


async def by_id(info: Info, id: str | None) -> Message | None:
    """Returns the message, and notes for `streamCursor` how new it is."""
    seen = await info.context.loaders.messages.load(id) if id is not None else None
    if seen is None:
        return None
    info.context.saw(seen.message.conversation_id, seen.history_version)
    return seen.message


@reads(relations.MESSAGE)
async def message(info: Info, id: strawberry.ID) -> Message | None:
    return await by_id(info, id)


@reads(lists.MESSAGES)
async def of_conversation(
    conversation: strawberry.Parent[Conversation], info: Info, last: int = 50
) -> Sequence[Message]:
    return (await _path_page(conversation, info, page_arguments(last=last))).nodes


@reads(lists.CONNECTION_OF_CONVERSATION)
async def connection_of_conversation(
    conversation: strawberry.Parent[Conversation],
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    include_inactive: bool = False,
    around: strawberry.ID | None = None,
) -> Connection:
    service, owner = info.context.services.messages, info.context.owner
    page = page_arguments(first, after, last, before, default=LAST_PAGE)
    if around is not None:
        size = size_around(first, after, last, before, default=LAST_PAGE)
        found = await service.page_around(owner, conversation.id, around, size, include_inactive)
    elif include_inactive:
        found = await service.tree_page(owner, conversation.id, page)
    else:
        found = await _path_page(conversation, info, page)
    info.context.saw(conversation.id, conversation.history_version)
    whole = partial(service.tree_size, owner, conversation.id)
    return Connection(found, whole if include_inactive else partial(_path_length, conversation))


@reads(relations.LAST_MESSAGE)
async def last_of_conversation(conversation: strawberry.Parent[Conversation], info: Info) -> Message | None:
    page = await _path_page(conversation, info, PageArguments(last=1))
    return page.nodes[0] if page.nodes else None


@reads(relations.FIRST_USER_MESSAGE)
async def first_of_user(conversation: strawberry.Parent[Conversation], info: Info) -> Message | None:
    info.context.saw(conversation.id, conversation.history_version)
    return await info.context.loaders.first_of_user_in.load(conversation.id)


@reads(relations.ACTIVE_REPLY)
async def active_reply(conversation: strawberry.Parent[Conversation], info: Info) -> Message | None:
    info.context.saw(conversation.id, conversation.history_version)
    return await info.context.loaders.active_replies_of.load(conversation.id)


@reads(relations.FORKED_FROM)
async def forked_from(conversation: strawberry.Parent[Conversation], info: Info) -> Message | None:
    return await by_id(info, conversation.forked_from_id)


@reads(relations.PARENT)
async def parent(message: strawberry.Parent[Message], info: Info) -> Message | None:
    return await by_id(info, message.parent_id)


@reads(lists.ALTERNATIVES)
async def alternatives(message: strawberry.Parent[Message], info: Info, first: int = 20) -> Sequence[Message]:
    position = TreePosition(message.conversation_id, message.parent_id)
    return await info.context.loaders.alternatives_of.load((position, page_arguments(first).size))


@reads(relations.ALTERNATIVE_INDEX)
async def alternative_index(message: strawberry.Parent[Message], info: Info) -> int:
    ids = await _alternative_ids(message, info)
    return ids.index(message.id) if message.id in ids else 0


@reads(relations.ALTERNATIVE_COUNT)
async def alternative_count(message: strawberry.Parent[Message], info: Info) -> int:
    return len(await _alternative_ids(message, info))


@reads(relations.EXCERPT)
def excerpt(message: strawberry.Parent[Message], length: int = 140) -> str:
    return excerpts.excerpt(message.content, excerpts.checked_length(length))


@reads(relations.METADATA)
def metadata(message: strawberry.Parent[Message]) -> dict[str, Any]:
    return message.extra or {}


async def select_alternative(info: Info, message_id: strawberry.ID) -> dict[str, Any]:
    message, conversation = await info.context.services.messages.select(info.context.owner, message_id)
    return {"message": message, "conversation": conversation}


async def edit_message(
    info: Info, message_id: strawberry.ID, content: str, expected_history_version: int | None = None
) -> dict[str, Any]:
    message, conversation = await info.context.services.messages.edit(
        info.context.owner, message_id, content, expected_history_version
    )
    return {"message": message, "conversation": conversation}


async def delete_message(
    info: Info, message_id: strawberry.ID, expected_history_version: int | None = None
) -> dict[str, Any]:
    gone, conversation = await info.context.services.messages.delete(
        info.context.owner, message_id, expected_history_version
    )
    return {"deleted_message_ids": gone, "conversation": conversation}


async def _alternative_ids(message: Message, info: Info) -> Sequence[str]:
    return await info.context.loaders.alternative_ids_of.load(
        TreePosition(message.conversation_id, message.parent_id)
    )


async def _path_page(conversation: Conversation, info: Info, page: PageArguments) -> Page[Message]:
    info.context.saw(conversation.id, conversation.history_version)
    if page.has_cursor:
        return await info.context.services.messages.path_page(info.context.owner, conversation.id, page)
    return await info.context.loaders.messages_of.load((conversation.id, page))


async def _path_length(conversation: Conversation) -> int:
    return conversation.message_count
