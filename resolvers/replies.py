"""Speaking, stopping, and watching the reply come."""

from collections.abc import AsyncIterator
from typing import Any

import strawberry

from models import Message
from resolvers.context import Info
from services.events import ReplyEvent
from services.exchanges import Exchange, ReplyWish
from services.messages import as_of


async def send_message(
    info: Info,
    conversation_id: strawberry.ID,
    content: str,
    fields: dict[str, Any],
    parent_id: strawberry.ID | None = None,
) -> Exchange:
    service = info.context.services.replies
    return await service.send(info.context.owner, conversation_id, content, parent_id, ReplyWish(**fields))


async def request_reply(
    info: Info, conversation_id: strawberry.ID, fields: dict[str, Any], parent_id: strawberry.ID | None = None
) -> Exchange:
    service = info.context.services.replies
    return await service.request(info.context.owner, conversation_id, parent_id, ReplyWish(**fields))


async def regenerate_reply(info: Info, message_id: strawberry.ID, fields: dict[str, Any]) -> Exchange:
    service = info.context.services.replies
    return await service.regenerate(info.context.owner, message_id, ReplyWish(**fields))


async def continue_reply(info: Info, message_id: strawberry.ID, fields: dict[str, Any]) -> Exchange:
    service = info.context.services.replies
    return await service.carry_on(info.context.owner, message_id, ReplyWish(**fields))


async def add_alternative(info: Info, message_id: strawberry.ID, content: str, fields: dict[str, Any]) -> Exchange:
    service = info.context.services.replies
    return await service.add_alternative(info.context.owner, message_id, content, ReplyWish(**fields))


async def stop_reply(
    info: Info, conversation_id: strawberry.ID, message_id: strawberry.ID | None = None
) -> Exchange:
    return await info.context.services.replies.stop(info.context.owner, conversation_id, message_id)


async def reply_stream(
    info: Info, conversation_id: strawberry.ID, after: str | None = None, until_done: bool = False
) -> AsyncIterator[ReplyEvent]:
    """Check first, then stream: a refusal is an error and no event."""
    events = await info.context.services.streams.watch(conversation_id, after, until_done)
    return info.context.anew(events)


async def message_of_event(event: strawberry.Parent[ReplyEvent], info: Info) -> Message | None:
    """The message as it was at the event; null once it is deleted."""
    message = await info.context.loaders.messages.load(event.message_id)
    return as_of(message, event.as_of) if message is not None else None
