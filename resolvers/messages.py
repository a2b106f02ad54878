"""Fields of messages, and of the paths and trees they stand in."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import strawberry

from models import Conversation, Message
from resolvers.connections import Connection
from resolvers.context import Info
from services.messages import LAST_PAGE
from services.paging import Page, PageWish, wish


async def message(info: Info, id: strawberry.ID) -> Message | None:
    return await info.context.loaders.messages.load(id)


async def of_conversation(
    conversation: strawberry.Parent[Conversation],
    info: Info,
    last: int = 50,
    before_id: strawberry.ID | None = None,
) -> Sequence[Message]:
    page = wish(last=last)
    if before_id is not None:
        return await info.context.services.messages.before(conversation.id, before_id, last)
    return (await _path_page(conversation, info, page)).nodes


async def connection_of_conversation(
    conversation: strawberry.Parent[Conversation],
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    include_inactive: bool = False,
) -> Connection:
    service = info.context.services.messages
    page = wish(first, after, last, before, default=LAST_PAGE)
    if include_inactive:
        found = await service.tree_page(conversation.id, page)
        return Connection(found, partial(service.tree_size, conversation.id))
    return Connection(await _path_page(conversation, info, page), partial(_path_length, conversation))


async def last_of_conversation(conversation: strawberry.Parent[Conversation], info: Info) -> Message | None:
    page = await _path_page(conversation, info, PageWish(last=1))
    return page.nodes[0] if page.nodes else None


async def active_reply(conversation: strawberry.Parent[Conversation], info: Info) -> Message | None:
    return await info.context.loaders.active_replies_of.load(conversation.id)


async def forked_from(conversation: strawberry.Parent[Conversation], info: Info) -> Message | None:
    id = conversation.forked_from_id
    return await info.context.loaders.messages.load(id) if id else None


async def parent(message: strawberry.Parent[Message], info: Info) -> Message | None:
    return await info.context.loaders.messages.load(message.parent_id) if message.parent_id else None


async def alternatives(message: strawberry.Parent[Message], info: Info) -> Sequence[Message]:
    return await info.context.loaders.alternatives_of.load((message.conversation_id, message.parent_id))


async def alternative_index(message: strawberry.Parent[Message], info: Info) -> int:
    ids = await _alternative_ids(message, info)
    return ids.index(message.id) if message.id in ids else 0


async def alternative_count(message: strawberry.Parent[Message], info: Info) -> int:
    return len(await _alternative_ids(message, info))


def metadata(message: strawberry.Parent[Message]) -> dict[str, Any]:
    return message.extra or {}


async def _alternative_ids(message: Message, info: Info) -> Sequence[str]:
    return await info.context.loaders.alternative_ids_of.load((message.conversation_id, message.parent_id))


async def _path_page(conversation: Conversation, info: Info, page: PageWish) -> Page[Message]:
    if page.has_cursor:
        return await info.context.services.messages.path_page(conversation.id, page)
    return await info.context.loaders.messages_of.load((conversation.id, page))


async def _path_length(conversation: Conversation) -> int:
    return conversation.message_count
