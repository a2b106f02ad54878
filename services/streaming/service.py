"""Streams of reply events: missed events are read from the rows, the rest follows live."""

import asyncio
from collections.abc import AsyncGenerator

from models import Database, FinishReason, Status
from services.broker.texts import StoredText
from services.errors import InvalidCursor, NotFound
from services.streaming import cursors
from services.streaming.cursors import Cursor
from services.streaming.events import AsOf, ReplyDelta, ReplyEvent, ReplyFailed, ReplyFinished
from services.streaming.readers import Reader, Readers
from services.streaming.replay import Log, next_event
from services.streaming.rows import conversation_of
from services.streaming.views import View
from services.streaming.watches import Watch

# Seconds that watchers get, when the server stops, to receive the last events.
SETTLE_SECONDS = 1.0


class ReplyWatch:
    """A subscription to the reply events of a conversation, as seen by who has to end it."""

    def __init__(self) -> None:
        # Whether it has not come to the end yet of a reply that this process writes.
        self.awaits_end = False
        self._written_here = 0

    def idles(self, running: int, is_written_here: bool) -> None:
        """Notes that it has had all events that there are; `running` is the run that they belong to, or 0.

        A run stays one of this process until its last event, which comes when it is not written any more.
        """
        if is_written_here:
            self._written_here = running
        self.awaits_end = running != 0 and running == self._written_here


class StreamService:
    def __init__(self, database: Database, readers: Readers) -> None:
        self._database = database
        self._readers = readers
        self._busy = 0

    async def watch(
        self,
        owner: str,
        conversation_id: str,
        after: str | None = None,
        until_done: bool = False,
        noted: ReplyWatch | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Returns the endless events after the cursor; without one, from the first event of the running reply on.

        `until_done` ends them after the first final event that leaves no reply running. They end when the
        conversation is deleted. Raises NotFound and InvalidCursor before the first event.
        """
        conversation = await conversation_of(self._database, owner, conversation_id)
        if conversation is None:
            raise NotFound("conversation", conversation_id)
        version = conversation.history_version
        start = Cursor(version) if after is None else cursors.decode(conversation.id, after)
        if start.version > version:
            raise InvalidCursor("The cursor is newer than the conversation.", "after")
        return self._events(owner, conversation.id, start, until_done, noted or ReplyWatch())

    async def until_ended(self, owner: str, conversation_id: str, run: int) -> None:
        """Returns when the run has ended, or is deleted, whichever process writes it."""
        with self._readers.watching(owner, conversation_id, text=False) as (reader, watch):
            view = await reader.present(watch)
            while (running := view.log.running) is not None and running.started == run:
                await watch.changed()
                view = await reader.present(watch)

    async def settle(self) -> None:
        """Waits until every watcher has received its events, SETTLE_SECONDS at the most."""
        for _ in range(round(SETTLE_SECONDS / 0.01)):
            await asyncio.sleep(0.01)
            if not self._busy and not self._readers.are_busy:
                return

    async def _events(
        self, owner: str, conversation_id: str, at: Cursor, until_done: bool, noted: ReplyWatch
    ) -> AsyncGenerator[ReplyEvent, None]:
        self._busy += 1
        noted.awaits_end = True
        try:
            with self._readers.watching(owner, conversation_id) as (reader, watch):
                before, view = None, await _first_view(reader, watch, at)
                while True:
                    if before is not None and (gone := _deleted(before.log, view, at)):
                        yield gone
                    if view.conversation is None or _is_over(view.log, at, until_done):
                        return
                    is_seen = False
                    while not is_seen:
                        event, at = view.step(at)
                        if event is None:
                            is_seen = reader.following(view) is not None or await self._idle(
                                reader, view, watch, noted
                            )
                            continue
                        yield event
                        if until_done and _is_final(event) and view.log.running is None:
                            return
                        if not view.is_shared and not isinstance(event, ReplyDelta):
                            # It was read for the cursor before this event.
                            break
                    before, view = view, await _next_view(reader, view, at, is_seen)
        finally:
            self._busy -= 1
            noted.awaits_end = False

    async def _idle(self, reader: Reader, view: View, watch: Watch, noted: ReplyWatch) -> bool:
        """Waits for something to happen. Returns whether it is more than text."""
        running = view.log.running
        noted.idles(running.started if running else 0, self._readers.writes(reader.conversation_id))
        self._busy -= 1
        try:
            await watch.changed()
        finally:
            self._busy += 1
            noted.awaits_end = True
        return reader.following(view) is not None


async def _first_view(reader: Reader, watch: Watch, at: Cursor) -> View:
    view = await reader.present(watch)
    return view if view.covers(at) else await reader.near(at)


async def _next_view(reader: Reader, view: View, at: Cursor, is_seen: bool) -> View:
    """Returns the view after one that was seen to its end; for a late watcher one of its own."""
    following = reader.following(view) if is_seen else None
    return following if following is not None and following.since <= view.head else await reader.near(at)


def _is_final(event: ReplyEvent | None) -> bool:
    return isinstance(event, ReplyFinished | ReplyFailed)


def _deleted(before: Log, now: View, at: Cursor) -> ReplyEvent | None:
    """Returns the last event of a run that was deleted while it was watched."""
    run = before.runs.get(at.run)
    if run is None or at.run in now.log.runs:
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
