"""Watching a conversation: what was missed from the rows, the rest as it comes."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, FinishReason, Message, Run, Status
from services import cursors, runs
from services.broker import Broker, LiveReply, Watch
from services.cursors import Cursor
from services.errors import InvalidCursor, NotFound
from services.events import AsOf, ReplyDelta, ReplyEvent, ReplyFailed, ReplyFinished
from services.replay import Log, MessageState, RunState, next_event
from services.texts import StoredText, Text

logger = logging.getLogger("repartee.streams")

# Seconds after which rows are read again though nothing was announced: another process may write, or have died.
PATIENCE = 2.0
# Seconds that watchers get, when the server stops, to be told how replies ended.
SETTLING = 1.0


class StreamService:
    """Streams of reply events. `writer` is this process's name as a writer of runs."""

    def __init__(self, database: Database, broker: Broker, writer: str) -> None:
        self._database = database
        self._broker = broker
        self._writer = writer
        self._busy = 0

    async def watch(
        self, conversation_id: str, after: str | None = None, until_done: bool = False
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Return the events after the cursor, endlessly; without one, from the running reply's first on.

        `until_done` ends it after the first final event that leaves nothing being written. It ends when the
        conversation is deleted. Raises NotFound and InvalidCursor before the first event.
        """
        async with self._database.read() as session:
            conversation = await session.get(Conversation, conversation_id)
        if conversation is None:
            raise NotFound("conversation", conversation_id)
        version = conversation.history_version
        start = Cursor(version) if after is None else cursors.decode(conversation.id, after)
        if start.version > version:
            raise InvalidCursor("This cursor is from a future that this conversation never had.", "after")
        return self._events(conversation.id, start, until_done)

    async def until_final(self, conversation_id: str, run: int) -> None:
        """Return when the run has ended, or is gone."""
        async with aclosing(self._events(conversation_id, Cursor(run, run), until_done=True)) as events:
            async for event in events:
                if _is_final(event):
                    return

    async def settle(self) -> None:
        """Let watchers take what is there for them, within SETTLING seconds."""
        for _ in range(round(SETTLING / 0.01)):
            await asyncio.sleep(0.01)
            if not self._busy:
                return

    async def _events(
        self, conversation_id: str, at: Cursor, until_done: bool
    ) -> AsyncGenerator[ReplyEvent, None]:
        self._busy += 1
        try:
            with self._broker.watch(conversation_id) as watch:
                log = None
                while True:
                    watch.take_news()
                    before, log = log, await self._log(conversation_id, at)
                    if before is not None and (gone := _deleted(before, log, at)):
                        yield gone
                    if log is None or _is_over(log, at, until_done):
                        return
                    fresh = True
                    while fresh:
                        event, at = next_event(log, at)
                        if event is None:
                            fresh = await self._only_text_comes(log, watch)
                            continue
                        yield event
                        fresh = isinstance(event, ReplyDelta)
                    if until_done and _is_final(event) and not await self._is_writing(conversation_id):
                        return
        finally:
            self._busy -= 1

    async def _only_text_comes(self, log: Log, watch: Watch) -> bool:
        """Wait for something to happen; tell whether the rows that were read are still good."""
        self._busy -= 1
        try:
            await watch.changed(PATIENCE)
        finally:
            self._busy += 1
        written_elsewhere = log.running is not None and self._broker.live(log.conversation_id) is None
        return not watch.take_news() and not written_elsewhere

    async def _is_writing(self, conversation_id: str) -> bool:
        async with self._database.read() as session:
            return await runs.unfinished(session, conversation_id) is not None

    async def _log(self, conversation_id: str, at: Cursor) -> Log | None:
        """Read what `next_event` can need at the cursor: the run it is in, the next ones, and the next edit."""
        live = self._broker.live(conversation_id)
        async with self._database.snapshot() as session:
            if await session.get(Conversation, conversation_id) is None:
                return None
            rows = await _runs_near(session, conversation_id, at)
            messages = await _messages_near(session, conversation_id, at, rows)
            resumed = await _resumed_at(session, messages)
        abandoned = [run for run in rows if run.ended is None and runs.is_abandoned(run, self._writer)]
        if abandoned:
            await self._reap(abandoned)
            return await self._log(conversation_id, at)
        return Log(
            conversation_id,
            {run.started: _run_state(run) for run in rows},
            {message.id: _message_state(message, rows, resumed, live) for message in messages},
        )

    async def _reap(self, abandoned: list[Run]) -> None:
        async with self._database.write() as session:
            await runs.interrupt(session, abandoned)
        self._broker.announce(abandoned[0].conversation_id)


def _is_final(event: ReplyEvent | None) -> bool:
    return isinstance(event, ReplyFinished | ReplyFailed)


def _deleted(before: Log, now: Log | None, at: Cursor) -> ReplyEvent | None:
    """Return the last event of a run that was deleted while it was watched."""
    run = before.runs.get(at.run)
    if run is None or (now is not None and at.run in now.runs):
        return None
    cursor = cursors.encode(before.conversation_id, Cursor(max(at.version, at.run)))
    as_of = AsOf(StoredText(""), 0, Status.STOPPED)
    return ReplyFinished(cursor, run.message_id, as_of, FinishReason.STOPPED)


def _is_over(log: Log, at: Cursor, until_done: bool) -> bool:
    """A watcher of one reply is done when that reply is gone, or had ended before and nothing came since."""
    if not until_done or log.running is not None:
        return False
    return at.run not in log.runs if at.run else at.is_final and next_event(log, at)[0] is None


async def _runs_near(session: AsyncSession, conversation_id: str, at: Cursor) -> list[Run]:
    of_conversation = Run.conversation_id == conversation_id
    before = select(func.max(Run.started)).where(of_conversation, Run.started <= at.version)
    after = select(func.min(Run.started)).where(of_conversation, Run.started > at.version)
    near = or_(
        Run.started == at.run,
        Run.started == before.scalar_subquery(),
        Run.started == after.scalar_subquery(),
        Run.ended.is_(None),
    )
    return list(await session.scalars(select(Run).where(of_conversation, near)))


async def _messages_near(
    session: AsyncSession, conversation_id: str, at: Cursor, near: list[Run]
) -> list[Message]:
    next_edit = (
        select(Message.id)
        .where(Message.conversation_id == conversation_id, Message.edited_version > at.version)
        .where(Message.edited_version > 0)
        .order_by(Message.edited_version)
        .limit(1)
    )
    wanted = or_(Message.id.in_({run.message_id for run in near}), Message.id == next_edit.scalar_subquery())
    return list(await session.scalars(select(Message).where(wanted)))


async def _resumed_at(session: AsyncSession, messages: list[Message]) -> dict[str, int]:
    """Return, for the edited messages, the least start of a run begun since the edit."""
    resumed = {}
    for message in messages:
        if message.edited_version:
            offset = await session.scalar(
                select(func.min(Run.start_offset)).where(
                    Run.message_id == message.id, Run.started > message.edited_version
                )
            )
            if offset is not None:
                resumed[message.id] = offset
    return resumed


def _run_state(run: Run) -> RunState:
    return RunState(
        started=run.started,
        message_id=run.message_id,
        start_offset=run.start_offset,
        ended=run.ended,
        end_offset=run.end_offset,
        status=run.status,
        finish_reason=run.finish_reason,
        failure=run.failure,
    )


def _message_state(
    message: Message, near: list[Run], resumed: dict[str, int], live: LiveReply | None
) -> MessageState:
    text: Text = StoredText(message.content)
    if live is not None and live.message_id == message.id:
        # A run that has ended says all that counts in its row.
        text = live if any(run.ended is None and run.started == live.run for run in near) else text
    return MessageState(message.id, text, message.edited_version, resumed.get(message.id))
