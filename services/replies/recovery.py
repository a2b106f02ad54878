"""Ends runs that nobody writes any more, keeping the text that was stored of them."""

import time

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, Run, after_commit, everyone
from services import runs
from services.broker import Broker
from services.locking import find_and_lock
from services.replies import leases
from services.replies.writer import ReplyWriter
from services.runs import RunKey

# A lease that ran out while this process waited so long for its turn proves nothing: its holder waited too.
_WAITED_TOO_LONG = 1.0
# Runs ended by one transaction.
_BATCH = 20


class Recovery:
    def __init__(self, database: Database, broker: Broker, writer: ReplyWriter) -> None:
        self._database = database
        self._broker = broker
        self._writer = writer
        self._suspects: set[RunKey] = set()

    async def end_abandoned(self) -> None:
        """Ends the runs whose writer has no lease, and those of our own that no task writes."""
        await self._bury_dead_writers()
        async with self._database.read(everyone()) as session:
            abandoned = await self._keys(session, leases.is_out(), Run.writer != self._writer.name)
            ours = await self._keys(session, Run.writer == self._writer.name)
        # Between its commit and its start a run has no task either, so it must have none for two rounds.
        taskless = set(ours) - self._writer.keys
        found = abandoned + [key for key in ours if key in taskless & self._suspects]
        self._suspects = taskless
        for start in range(0, len(found), _BATCH):
            await self._end(found[start : start + _BATCH])

    async def _end(self, keys: list[RunKey]) -> None:
        asked = time.monotonic()

        async def work(session: AsyncSession) -> None:
            for key in sorted(keys, key=lambda key: key.conversation_id):
                if time.monotonic() - asked < _WAITED_TOO_LONG and await self._is_abandoned(session, key):
                    await runs.end(session, key, runs.INTERRUPTED, self._writer.usage)
                    self._broker.changed(session, key.conversation_id)
                    after_commit(session, self._count)

        await self._database.write(everyone(), work)

    def _count(self) -> None:
        self._writer.measures.reaped += 1

    async def _is_abandoned(self, session: AsyncSession, key: RunKey) -> bool:
        """Tests it under the lock: a lease may have been renewed in the meantime."""
        await find_and_lock(session, select(Conversation).where(Conversation.id == key.conversation_id))
        ours = Run.writer == self._writer.name
        abandoned = or_(ours, leases.is_out()) if key not in self._writer.keys else and_(~ours, leases.is_out())
        is_key = and_(Run.conversation_id == key.conversation_id, Run.started == key.started)
        return bool(await self._keys(session, is_key, abandoned))

    async def _bury_dead_writers(self) -> None:
        """Takes the lease from writers whose process has ended, so that nobody waits for it to run out."""
        writers = select(Run.writer).where(Run.ended.is_(None)).distinct()
        async with self._database.read(everyone()) as session:
            dead = [name for name in await session.scalars(writers) if leases.process_is_gone(name)]
        if dead:
            await self._database.write(everyone(), lambda session: leases.give_up(session, *dead))

    async def _keys(self, session: AsyncSession, *conditions: object) -> list[RunKey]:
        query = select(Run.conversation_id, Run.started).where(Run.ended.is_(None), *conditions)  # type: ignore[arg-type]
        return [RunKey(*row) for row in await session.execute(query)]
