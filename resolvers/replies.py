"""Sending messages, stopping replies, and streaming reply events."""

from collections.abc import AsyncIterator
from typing import Any

import strawberry

from models import Message
from resolvers.context import Info
from resolvers.messages import by_id
from services.replies.options import ReplyOptions, SentReply
from services.streaming.events import ReplyEvent
from services.streaming.service import ReplyWatch


async def send_message(
    info: Info,
    conversation_id: strawberry.ID,
    content: str,
    fields: dict[str, Any],
    parent_id: strawberry.ID | None = None,
) -> SentReply:
    service = info.context.services.replies
    return await service.send(info.context.owner, conversation_id, content, parent_id, ReplyOptions(**fields))


async def request_reply(
    info: Info, conversation_id: strawberry.ID, fields: dict[str, Any], parent_id: strawberry.ID | None = None
) -> SentReply:
    service = info.context.services.replies
    return await service.request(info.context.owner, conversation_id, parent_id, ReplyOptions(**fields))


async def regenerate_reply(info: Info, message_id: strawberry.ID, fields: dict[str, Any]) -> SentReply:
    service = info.context.services.replies
    return await service.regenerate(info.context.owner, message_id, ReplyOptions(**fields))


async def continue_reply(info: Info, message_id: strawberry.ID, fields: dict[str, Any]) -> SentReply:
    service = info.context.services.replies
    return await service.continue_reply(info.context.owner, message_id, ReplyOptions(**fields))


async def add_alternative(
    info: Info, message_id: strawberry.ID, content: str, fields: dict[str, Any]
) -> SentReply:
    service = info.context.services.replies
    return await service.add_alternative(info.context.owner, message_id, content, ReplyOptions(**fields))


async def stop_reply(
    info: Info, conversation_id: strawberry.ID, message_id: strawberry.ID | None = None
) -> SentReply:
    return await info.context.services.replies.stop(info.context.owner, conversation_id, message_id)


async def reply_stream(
    info: Info, conversation_id: strawberry.ID, after: str | None = None, until_done: bool = False
) -> AsyncIterator[ReplyEvent]:
    """Checks first, then streams: a refusal is an error and not an event."""
    context = info.context
    context.reply_watch = ReplyWatch()
    return await context.services.streams.watch(
        context.owner, conversation_id, after, until_done, context.reply_watch
    )


async def message_of_event(event: strawberry.Parent[ReplyEvent], info: Info) -> Message | None:
    """The message as it was at the event; null once it is deleted."""
    message = await by_id(info, event.message_id)
    if message is None:
        return None
    info.context.saw(message.conversation_id, event.as_of.version)
    return event.as_of.show(message)
