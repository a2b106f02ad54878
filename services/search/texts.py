"""Keeping the folded texts of messages. Each function works inside its caller's transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import UNFINISHED, Message, MessageText, PreparedInsert
from services import checking

_STORE = PreparedInsert(MessageText, key="message_id", changed=["folded"])


async def keep(session: AsyncSession, *messages: Message) -> None:
    """Stores the texts of messages whose text is final, in the transaction that makes it final."""
    if final := [message for message in messages if message.status not in UNFINISHED]:
        await _STORE.store(session, [text_of(one) for one in final])


async def keep_rows(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Stores the texts of new messages that are finished, given by their columns."""
    if rows:
        await _STORE.store(session, [_text(row["id"], row["conversation_id"], row["content"]) for row in rows])


def text_of(message: Any) -> dict[str, Any]:
    return {**_text(message.id, message.conversation_id, message.content), "owner": message.owner}


def _text(message_id: str, conversation_id: str, content: str) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "conversation_id": conversation_id,
        "folded": checking.fold_text(content),
    }
