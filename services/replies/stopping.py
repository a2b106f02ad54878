"""Stopping replies, also those that other processes write."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from models import Database, Run
from services import runs
from services.broker import Broker
from services.locking import lock_conversation
from services.replies.options import SentReply
from services.replies.writer import ReplyWriter
from services.runs import RunKey
from services.streaming.service import StreamService

Work = Callable[[AsyncSession], Awaitable[SentReply]]

# Seconds that another process gets to stop its reply, and to store it whole.
STOP_SECONDS = 1.5
# Replies that are given this time, one after the other, for one request.
_POLITE_TRIES = 3


class _WrittenElsewhere(Exception):
    """The reply that has to be stopped is written by another process, which knows more of it than is stored."""

    def __init__(self, key: RunKey) -> None:
        super().__init__()
        self.key = key


class Stops:
    def __init__(self, database: Database, broker: Broker, writer: ReplyWriter, streams: StreamService) -> None:
        self._database = database
        self._broker = broker
        self._writer = writer
        self._streams = streams
        self._overdue: set[RunKey] = set()

    async def write(self, owner: str, work: Work) -> SentReply:
        """Writes. A reply of another process that `work` has to stop gets the time to end with its whole text."""
        asked: set[RunKey] = set()
        try:
            while True:
                try:
                    return await self._database.write(owner, work)
                except _WrittenElsewhere as refused:
                    key = refused.key
                # Others may begin replies all the time; whoever wants them stopped does not wait for ever.
                if len(asked) < _POLITE_TRIES:
                    await self._ask_to_stop(owner, key)
                asked.add(key)
                self._overdue.add(key)
        finally:
            self._overdue -= asked

    async def stop(self, session: AsyncSession, run: Run) -> None:
        """Ends the run in a locked conversation. `work` calls it last, because it may have to begin again."""
        key = RunKey(run.conversation_id, run.started)
        is_ours = run.writer == self._writer.name
        if not is_ours and key not in self._overdue:
            raise _WrittenElsewhere(key)
        ours = self._writer.end(key, runs.STOPPED) if is_ours else None
        # A process that has not answered stops by its next checkpoint, and the text stays that is stored by now.
        outcome, text = ours or (runs.STOPPED, None)
        await runs.end(session, key, outcome, self._writer.usage, text)
        self._broker.changed(session, key.conversation_id)

    async def _ask_to_stop(self, owner: str, key: RunKey) -> None:
        await self._database.write(owner, partial(self._ask, key))
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._streams.until_ended(owner, key.conversation_id, key.started)

    async def _ask(self, key: RunKey, session: AsyncSession) -> None:
        await lock_conversation(session, key.conversation_id)
        run = await runs.open_run(session, key.conversation_id)
        if run is not None and run.started == key.started:
            run.stop_wanted = True
            self._broker.changed(session, key.conversation_id)
