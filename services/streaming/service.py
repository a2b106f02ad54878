"""Streams of reply events: missed events are read from the rows, the rest follows live."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, FinishReason, Message, Run, Status, Unavailable
from services.broker import Broker, LiveReply, Watch
from services.broker.texts import StoredText, Text
from services.errors import InvalidCursor, NotFound
from services.streaming import cursors
from services.streaming.cursors import Cursor
from services.streaming.events import AsOf, ReplyDelta, ReplyEvent, ReplyFailed, ReplyFinished
from services.streaming.replay import Log, MessageState, RunState, next_event

# Seconds after which the rows are read again while another process writes a reply: it announces nothing here.
RECHECK_SECONDS = 2.0
# Seconds that watchers get, when the server stops, to receive the last events.
SETTLE_SECONDS = 1.0


class StreamService:
    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._busy = 0

    async def watch(
        self, owner: str, conversation_id: str, after: str | None = None, until_done: bool = False
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Returns the endless events after the cursor; without one, from the first event of the running reply on.

        `until_done` ends them after the first final event that leaves no reply running. They end when the
        conversation is deleted. Raises NotFound and InvalidCursor before the first event.
        """
        async with self._database.read(owner) as session:
            conversation = await session.get(Conversation, conversation_id)
        if conversation is None:
            raise NotFound("conversation", conversation_id)
        version = conversation.history_version
        start = Cursor(version) if after is None else cursors.decode(conversation.id, after)
        if start.version > version:
            raise InvalidCursor("The cursor is newer than the conversation.", "after")
        return self._events(owner, conversation.id, start, until_done)

    async def until_final(self, owner: str, conversation_id: str, run: int) -> None:
        """Returns when the run has ended, or is deleted."""
        async with aclosing(self._events(owner, conversation_id, Cursor(run, run), until_done=True)) as events:
            async for event in events:
                if _is_final(event):
                    return

    async def settle(self) -> None:
        """Waits until every watcher has received its events, SETTLE_SECONDS at the most."""
        for _ in range(round(SETTLE_SECONDS / 0.01)):
            await asyncio.sleep(0.01)
            if not self._busy:
                return

    async def _events(
        self, owner: str, conversation_id: str, at: Cursor, until_done: bool
    ) -> AsyncGenerator[ReplyEvent, None]:
        self._busy += 1
        try:
            with self._broker.watch(conversation_id) as watch:
                log = None
                while True:
                    watch.take_news()
                    before, log = log, await self._log(owner, conversation_id, at)
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
                    if until_done and _is_final(event) and not await self._is_writing(owner, conversation_id):
                        return
        finally:
            self._busy -= 1

    async def _only_text_comes(self, log: Log, watch: Watch) -> bool:
        """Waits for something to happen. Returns whether the rows that were read are still up to date."""
        self._busy -= 1
        try:
            await watch.changed(RECHECK_SECONDS)
        finally:
            self._busy += 1
        written_elsewhere = log.running is not None and self._broker.live(log.conversation_id) is None
        return not watch.take_news() and not written_elsewhere

    async def _is_writing(self, owner: str, conversation_id: str) -> bool:
        running = select(Run.started).where(Run.conversation_id == conversation_id, Run.ended.is_(None))
        async with self._database.read(owner) as session:
            return await session.scalar(running) is not None

    async def _log(self, owner: str, conversation_id: str, at: Cursor) -> Log | None:
        while True:
            try:
                return await self._read_log(owner, conversation_id, at)
            except Unavailable:
                # A watcher that was sent away would come back at once, and ask for more.
                continue

    async def _read_log(self, owner: str, conversation_id: str, at: Cursor) -> Log | None:
        """Reads what `next_event` can need at the cursor: the run it is in, the next ones, and the next edit."""
        live = self._broker.live(conversation_id)
        async with self._database.snapshot(owner) as session:
            if await session.get(Conversation, conversation_id) is None:
                return None
            rows = await _runs_near(session, conversation_id, at)
            messages = await _messages_near(session, conversation_id, at, rows)
            resumed = await _resumed_at(session, messages)
        return Log(
            conversation_id,
            {run.started: _run_state(run) for run in rows},
            {message.id: _message_state(message, rows, resumed, live) for message in messages},
        )


def _is_final(event: ReplyEvent | None) -> bool:
    return isinstance(event, ReplyFinished | ReplyFailed)


def _deleted(before: Log, now: Log | None, at: Cursor) -> ReplyEvent | None:
    """Returns the last event of a run that was deleted while it was watched."""
    run = before.runs.get(at.run)
    if run is None or (now is not None and at.run in now.runs):
        return None
    then = Cursor(max(at.version, at.run))
    cursor = cursors.encode(before.conversation_id, then)
    as_of = AsOf(StoredText(""), 0, Status.STOPPED, then.version)
    return ReplyFinished(cursor, run.message_id, as_of, FinishReason.STOPPED)


def _is_over(log: Log, at: Cursor, until_done: bool) -> bool:
    """Returns whether a watcher of one reply is done: it was deleted, or had ended and nothing followed."""
    if not until_done or log.running is not None:
        return False
    if at.run:
        return at.run not in log.runs
    return at.is_final and next_event(log, at)[0] is None


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
    """Returns, for edited messages, the least start offset of a run that began after the edit."""
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
        # Once a run has ended, its row is complete.
        text = live if any(run.ended is None and run.started == live.run for run in near) else text
    return MessageState(message.id, text, message.edited_version, resumed.get(message.id))
