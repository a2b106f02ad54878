"""Changes of a conversation's history apart from speaking."""

from typing import Any

import strawberry

from models import Conversation
from resolvers.context import Info


async def clear(
    info: Info,
    conversation_id: strawberry.ID,
    include_greeting: bool = True,
    expected_history_version: int | None = None,
) -> dict[str, Any]:
    conversation, count = await info.context.services.histories.clear(
        info.context.owner, conversation_id, include_greeting, expected_history_version
    )
    return {"conversation": conversation, "cleared_message_count": count}


async def update(
    info: Info, conversation_id: strawberry.ID, chat_history: Any, expected_history_version: int | None = None
) -> Conversation:
    return await info.context.services.histories.replace(
        info.context.owner, conversation_id, chat_history, expected_history_version
    )


async def start_from(
    info: Info,
    character_id: strawberry.ID,
    chat_history: Any,
    title: str | None = None,
    idempotency_key: str | None = None,
) -> Conversation:
    return await info.context.services.histories.start_from(
        info.context.owner, character_id, chat_history, title, idempotency_key
    )


async def select_alternative(info: Info, message_id: strawberry.ID) -> dict[str, Any]:
    message, conversation = await info.context.services.histories.select(info.context.owner, message_id)
    return {"message": message, "conversation": conversation}


async def edit_message(
    info: Info, message_id: strawberry.ID, content: str, expected_history_version: int | None = None
) -> dict[str, Any]:
    message, conversation = await info.context.services.histories.edit(
        info.context.owner, message_id, content, expected_history_version
    )
    return {"message": message, "conversation": conversation}


async def delete_message(
    info: Info, message_id: strawberry.ID, expected_history_version: int | None = None
) -> dict[str, Any]:
    gone, conversation = await info.context.services.histories.delete(
        info.context.owner, message_id, expected_history_version
    )
    return {"deleted_message_ids": gone, "conversation": conversation}


async def fork(
    info: Info,
    conversation_id: strawberry.ID,
    up_to_message_id: strawberry.ID | None = None,
    title: str | None = None,
    idempotency_key: str | None = None,
) -> Conversation:
    return await info.context.services.histories.fork(
        info.context.owner, conversation_id, up_to_message_id, title, idempotency_key
    )
