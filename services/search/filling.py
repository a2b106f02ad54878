"""Filling in the texts of messages that were stored before there was a search."""

from collections.abc import Callable

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import UNFINISHED, Database, Message, MessageText, PreparedInsert, TextFilling, everyone
from services.search.texts import text_of

# Messages that one transaction fills in; others get their turn between two.
BATCH = 1000

_ADD = PreparedInsert(MessageText, key="message_id")


class Progress:
    """Prints how far the filling is, every 10,000 messages."""

    def __init__(self) -> None:
        self._looked_at = 0

    def show(self, count: int) -> None:
        before, self._looked_at = self._looked_at, self._looked_at + count
        if before // 10_000 < self._looked_at // 10_000:
            print(f"{self._looked_at:,} messages are indexed for the search.", flush=True)


async def fill_all(database: Database, looked_at: Callable[[int], object] = lambda count: None) -> None:
    """Fills in all texts that are missing, from where it was left, and calls `looked_at` after each batch.

    Several processes may do it at the same time.
    """
    async with database.read(everyone()) as session:
        if await is_complete(session):
            return
    while count := await database.write(everyone(), _fill):
        looked_at(count)


async def _fill(session: AsyncSession) -> int:
    """Fills in the texts of a batch of older messages, the newest of them first.

    Returns how many messages it looked at: 0 when no text is missing any more. Needs a session of everyone's.
    """
    filling = await session.scalar(select(TextFilling.before_id).with_for_update())
    if filling is None:
        return 0
    columns = (Message.id, Message.conversation_id, Message.content, Message.owner, Message.status)
    older = select(*columns).where(Message.id < filling).order_by(Message.id.desc()).limit(BATCH)
    rows = (await session.execute(older)).all()
    # Below all numbers so far: what is stored meanwhile is newer.
    lowest = min(1, await session.scalar(select(func.min(MessageText.number))) or 1)
    texts = [
        {**text_of(row), "number": lowest - distance}
        for distance, row in enumerate(rows, 1)
        if row.status not in UNFINISHED
    ]
    if texts:
        await _ADD.store(session, texts[::-1])
    await _note(session, rows[-1].id if rows else None)
    return len(rows)


async def _note(session: AsyncSession, before_id: str | None) -> None:
    """Notes before which message texts are still missing; None: before none."""
    change = delete(TextFilling) if before_id is None else update(TextFilling).values(before_id=before_id)
    await session.execute(change, execution_options={"synchronize_session": False})


async def is_complete(session: AsyncSession) -> bool:
    return await session.scalar(select(TextFilling.before_id)) is None
