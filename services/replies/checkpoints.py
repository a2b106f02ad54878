"""Checkpoints: one transaction a second stores the text of all replies that have grown, and renews the lease."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, Message, Run, Status, everyone
from services.measures import Measures
from services.replies.leases import Lease
from services.replies.writing import Writing
from services.runs import STOPPED, RunKey

logger = logging.getLogger("repartee.replies")

# Seconds between checkpoints: what a kill can lose, and a fifth of the lease.
CHECKPOINT_SECONDS = 1.0


@dataclass
class _Stored:
    """What one transaction stored, by text lengths, and found: runs to be stopped, or no longer this process's."""

    lengths: dict[RunKey, int] = field(default_factory=dict)
    stopped: set[RunKey] = field(default_factory=set)
    lost: set[RunKey] = field(default_factory=set)


class Checkpoints:
    """`writings` are the runs that the holder of the lease writes."""

    def __init__(
        self, database: Database, lease: Lease, writings: Mapping[RunKey, Writing], measures: Measures
    ) -> None:
        self._database = database
        self._lease = lease
        self._writings = writings
        self._measures = measures
        self._woken = asyncio.Event()
        self.interval = CHECKPOINT_SECONDS

    def recheck(self) -> None:
        """Looks soon whether the runs are to go on, because rows of a conversation have changed."""
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
        """Stores what has grown. Runs that others ended or deleted are let go, or stopped as they ask."""
        if not self._writings:
            return
        began = time.monotonic()
        stored = await self._database.write(everyone(), self._store, timeout=None)
        self._measures.checkpoints.add(time.monotonic() - began)
        for key, length in stored.lengths.items():
            if writing := self._writings.get(key):
                writing.stored_length = length
        for key in stored.lost:
            if (writing := self._writings.get(key)) and not writing.is_ended:
                writing.lose()
        for key in stored.stopped:
            if writing := self._writings.get(key):
                writing.end(STOPPED)

    async def _store(self, session: AsyncSession) -> _Stored:
        open_runs = {key for key, one in self._writings.items() if not one.is_ended}
        grown = {key for key in open_runs if self._writings[key].has_grown}
        free = await self._lock(session, sorted({key.conversation_id for key in grown})) if grown else set()
        held = await self._held(session)
        stored = _Stored(stopped={key for key, is_stop_wanted in held.items() if is_stop_wanted})
        stored.lost = open_runs - held.keys()
        texts = {key: self._writings[key].text for key in grown & held.keys() if key.conversation_id in free}
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

    async def _held(self, session: AsyncSession) -> dict[RunKey, bool]:
        """Returns the open runs of this process, each with whether it is to be stopped."""
        query = select(Run.conversation_id, Run.started, Run.stop_wanted)
        rows = await session.execute(query.where(Run.ended.is_(None), Run.writer == self._lease.name))
        return {RunKey(conversation, started): is_stop_wanted for conversation, started, is_stop_wanted in rows}

    def _row(self, key: RunKey, text: str) -> dict[str, object]:
        return {"id": self._writings[key].assignment.message_id, "content": text, "status": Status.STREAMING}
