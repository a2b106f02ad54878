"""Housekeeping: ends abandoned replies, takes deleted characters apart, deletes old keys, fills in texts."""

import asyncio
import logging
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Message, everyone
from services import idempotency
from services.repeating import attempt, repeat
from services.replies.recovery import Recovery
from services.search import filling

logger = logging.getLogger("repartee.housekeeping")

# What its tasks are called among those of the event loop.
TASK_NAME = "housekeeping"
_COMPLAINT = "Housekeeping failed; it is tried again later."
# Seconds between two rounds of each task.
RECOVERY_SECONDS = 2.0
DELETION_SECONDS = 2.0
EXPIRY_SECONDS = 3600.0
FILLING_SECONDS = 2.0
# Rows deleted by one transaction: enough to be fast, few enough to let others write in between.
_BATCH = 2000
_UNSYNCHRONIZED = {"synchronize_session": False}


class Housekeeping:
    def __init__(self, database: Database, recovery: Recovery) -> None:
        self._database = database
        self.recovery = recovery
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Ends what earlier processes left unfinished, then goes on looking for it."""
        await attempt(self.recovery.end_abandoned, logger, _COMPLAINT)
        for task, pause in (
            (self.recovery.end_abandoned, RECOVERY_SECONDS),
            (self.finish_deletions, DELETION_SECONDS),
            (self.expire_keys, EXPIRY_SECONDS),
            (self.fill_texts, FILLING_SECONDS),
        ):
            repeating = repeat(task, pause, logger, _COMPLAINT)
            self._tasks.append(asyncio.create_task(repeating, name=TASK_NAME))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def finish_deletions(self) -> None:
        """Deletes the rows of characters that are marked as deleted, in batches."""
        marked = select(Character.id).where(Character.deleting_at.is_not(None))
        async with self._database.read(everyone()) as session:
            ids = list(await session.scalars(marked))
        for character_id in ids:
            more = True
            while more:
                # Others get their turn between two batches.
                more = await self._database.write(everyone(), partial(_delete_batch, character_id))

    async def fill_texts(self) -> None:
        """Fills in the texts of messages from before the search."""
        await filling.fill_all(self._database)

    async def expire_keys(self) -> None:
        await self._database.write(everyone(), idempotency.expire)


async def _delete_batch(character_id: str, session: AsyncSession) -> bool:
    """Deletes up to _BATCH messages of the character, or conversations without any. Returns whether to go on."""
    query = select(Conversation.id).where(Conversation.character_id == character_id)
    conversations = list(await session.scalars(query.limit(_BATCH // 4)))
    if not conversations:
        await session.execute(delete(Character).where(Character.id == character_id))
        return False
    # The deepest first, because no message may lose its parent. The order is that of an index, backwards.
    deepest = select(Message.id).where(Message.conversation_id.in_(conversations)).limit(_BATCH)
    deepest = deepest.order_by(Message.conversation_id.desc(), Message.owner.desc(), Message.position.desc())
    messages = list(await session.scalars(deepest))
    await session.execute(delete(Message).where(Message.id.in_(messages)).execution_options(**_UNSYNCHRONIZED))
    if len(messages) < _BATCH:
        emptied = delete(Conversation).where(Conversation.id.in_(conversations))
        await session.execute(emptied.execution_options(**_UNSYNCHRONIZED))
    return True
