"""Reads what a prompt is made of: the character, the conversation, and as much of the newest history as fits."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Generation, Message
from services.engines import Prompt
from services.engines.tokens import estimate
from services.prompting import Names, Scene, build_prompt

# Messages read first; each further page has twice as many.
_FIRST_PAGE = 20


class ReplyDeleted(Exception):
    """The reply, its conversation or its character was deleted before the engine was asked."""


@dataclass(frozen=True)
class PromptReader:
    """`limit` is how many tokens a prompt may have."""

    database: Database
    user_name: str
    limit: int

    async def read(self, owner: str, reply: Message, settings: Generation) -> Prompt:
        """A reply that has text already is to be continued. Raises EngineError and ReplyDeleted."""
        continues = bool(reply.content)
        async with self.database.snapshot(owner) as session:
            conversation = await session.get(Conversation, reply.conversation_id)
            character = await session.get(Character, conversation.character_id) if conversation else None
            if conversation is None or character is None:
                raise ReplyDeleted
            end = reply.position + 1 if continues else reply.position
            history = await _newest(session, conversation.id, end, self.limit)
        scene = Scene(character, conversation, Names(character.name, self.user_name))
        generation = settings.over(conversation.generation).over(character.generation)
        return build_prompt(scene, history, self.limit, generation, continues)


async def _newest(session: AsyncSession, conversation_id: str, end: int, limit: int) -> list[Message]:
    """Returns the visible messages before the position, newest first: `limit` tokens of them, or more."""
    found: list[Message] = []
    path = select(Message).where(Message.conversation_id == conversation_id, Message.active, ~Message.hidden)
    size = _FIRST_PAGE
    while end > 0 and limit > 0:
        start = max(end - size, 0)
        page = path.where(Message.position >= start, Message.position < end)
        rows = (await session.scalars(page.order_by(Message.position.desc()))).all()
        found += rows
        limit -= sum(estimate(row.content) for row in rows)
        end, size = start, 2 * size
    return found
