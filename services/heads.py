"""The head of a conversation: what decides on a message that is added to it, read by one statement."""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Message, Prepared, Run
from services.errors import NotFound
from services.locking import lock_conversation, locks_rows


@dataclass(frozen=True)
class Head:
    """A locked conversation, its open run, and the message after which something is added (None: a root)."""

    conversation: Conversation
    run: Run | None
    after: Message | None


_HEAD = Prepared(
    select(Conversation, Run, Message)
    .outerjoin(Run, and_(Run.conversation_id == Conversation.id, Run.ended.is_(None)))
    .outerjoin(
        Message,
        and_(
            Message.conversation_id == Conversation.id,
            Message.active,
            Message.position == Conversation.message_count - 1,
        ),
    )
    .where(Conversation.id == bindparam("conversation"))
)


async def lock_head(session: AsyncSession, conversation_id: str) -> Head:
    """Locks the conversation and reads its end. Raises NotFound."""
    if locks_rows(session):
        # A statement that waits for a lock sees the other tables as they were before.
        await lock_conversation(session, conversation_id)
    found = (await _HEAD.rows(session, conversation=conversation_id)).one_or_none()
    if found is None:
        raise NotFound("conversation", conversation_id)
    return Head(*found)
