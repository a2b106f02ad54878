"""Changes of a conversation's history as one JSON list."""

from typing import Any

import strawberry

from models import Conversation
from resolvers.context import Info


async def replace(
    info: Info, conversation_id: strawberry.ID, chat_history: Any, expected_history_version: int | None = None
) -> Conversation:
    return await info.context.services.chat_histories.replace_history(
        info.context.owner, conversation_id, chat_history, expected_history_version
    )


async def import_conversation(
    info: Info,
    character_id: strawberry.ID,
    chat_history: Any,
    title: str | None = None,
    idempotency_key: str | None = None,
) -> Conversation:
    return await info.context.services.chat_histories.import_history(
        info.context.owner, character_id, chat_history, title, idempotency_key
    )
