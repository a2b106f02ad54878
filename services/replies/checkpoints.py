"""Checkpoints: one transaction a second stores the text of all replies that have grown, and renews the lease."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, Message, Run, Status, everyone
from services.replies.leases import Lease
from services.replies.writing import Writing
from services.runs import RunKey

logger = logging.getLogger("repartee.replies")

# Seconds between checkpoints: what a kill can lose, and a fifth of the lease.
CHECKPOINT_SECONDS = 1.0


@dataclass
class _Stored:
    """What one transaction did: text lengths that were stored, and runs that are no longer this process's."""

    lengths: dict[RunKey, int] = field(default_factory=dict)
    lost: set[RunKey] = field(default_factory=set)


class Checkpoints:
    """`writings` are the runs that the holder of the lease writes."""

    def __init__(self, database: Database, lease: Lease, writings: Mapping[RunKey, Writing]) -> None:
        self._database = database
        self._lease = lease
        self._writings = writings
        self._changed: set[RunKey] = set()
        self._woken = asyncio.Event()
        self.interval = CHECKPOINT_SECONDS

    def recheck(self, key: RunKey) -> None:
        """Looks soon whether the run is still this process's, because rows of its conversation have changed."""
        self._changed.add(key)
        self._woken.set()

    async def run(self) -> None:
        """Stores checkpoints until it is cancelled."""
        while True:
            try:
                async with asyncio.timeout(self.interval):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            try:
                await self.store()
            except Exception:
                logger.exception("A checkpoint failed; the replies go on.")

    async def store(self) -> None:
        """Stores what has grown. A run that was ended or deleted elsewhere is let go."""
        if not self._writings:
            self._changed.clear()
            return
        stored = await self._database.write(everyone(), self._store, timeout=None)
        for key, length in stored.lengths.items():
            if writing := self._writings.get(key):
                writing.stored_length = length
        for key in stored.lost:
            if (writing := self._writings.get(key)) and not writing.is_ended:
                writing.lose()

    async def _store(self, session: AsyncSession) -> _Stored:
        open_writings = {key: one for key, one in self._writings.items() if not one.is_ended}
        grown = {key: one for key, one in open_writings.items() if one.has_grown}
        asked = grown.keys() | (self._changed & open_writings.keys())
        self._changed.clear()
        stored = _Stored()
        if asked:
            ids = sorted({key.conversation_id for key in asked})
            free = await self._lock(session, ids)
            held = await self._held(session, ids)
            stored.lost = asked - held
            texts = {key: one.text for key, one in grown.items() if key in held and key.conversation_id in free}
            stored.lengths = {key: len(text) for key, text in texts.items()}
            if texts:
                await session.execute(update(Message), [self._row(key, text) for key, text in texts.items()])
        # The row that every reply of this process renews is locked last.
        await self._lease.renew(session)
        return stored

    async def _lock(self, session: AsyncSession, ids: list[str]) -> set[str]:
        """Locks the conversations that nobody else is changing; the others wait for the next checkpoint."""
        query = select(Conversation.id).where(Conversation.id.in_(ids)).order_by(Conversation.id)
        return set(await session.scalars(query.with_for_update(key_share=True, skip_locked=True)))

    async def _held(self, session: AsyncSession, ids: list[str]) -> set[RunKey]:
        query = select(Run.conversation_id, Run.started).where(
            Run.conversation_id.in_(ids), Run.ended.is_(None), Run.writer == self._lease.name
        )
        return {RunKey(*row) for row in await session.execute(query)}

    def _row(self, key: RunKey, text: str) -> dict[str, object]:
        return {"id": self._writings[key].assignment.message_id, "content": text, "status": Status.STREAMING}
