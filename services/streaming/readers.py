"""One reader per watched conversation and owner: it reads the rows once for all who watch."""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import select

from models import Character, Conversation, Database, Unavailable, everyone
from services.broker import Broker, LiveReply
from services.broker.texts import StoredText, Text
from services.streaming.cursors import Cursor
from services.streaming.replay import Log
from services.streaming.rows import LogReader
from services.streaming.views import View
from services.streaming.watches import Watch, Watches

logger = logging.getLogger("repartee.streaming")

# Seconds between two looks at what other processes have changed.
CLOCK_SECONDS = 1.0
# Seconds before the rows are read again that could not be read.
RETRY_SECONDS = 0.5
# Conversations that the clock asks for in one statement.
_BATCH = 500
# Seconds for which changes are gathered for watchers who see no text.
GATHER_SECONDS = 0.05
# Views kept for watchers who are still busy with an earlier one.
_KEPT_VIEWS = 8
# A version that no conversation reaches.
_NEVER = 1 << 63


class Reader:
    """The newest views of a conversation. A change makes it read the rows once, and then wake all who watch."""

    def __init__(self, readers: "Readers", owner: str, conversation_id: str) -> None:
        self.owner = owner
        self.conversation_id = conversation_id
        self.of_text = Watches()
        self.of_rows = Watches()
        self._readers = readers
        self._views: deque[View] = deque(maxlen=_KEPT_VIEWS)
        self._is_outdated = False
        self._reading: asyncio.Task[None] | None = None
        self._gathering: asyncio.TimerHandle | None = None

    @property
    def newest(self) -> View | None:
        return self._views[-1] if self._views else None

    @property
    def is_watched(self) -> bool:
        return bool(len(self.of_text) or len(self.of_rows))

    @property
    def wants_text(self) -> bool:
        return len(self.of_text) > 0

    @property
    def is_busy(self) -> bool:
        """Whether there is something that its watchers will be told soon."""
        gathers = self._gathering is not None
        return self._reading is not None or gathers or self.of_text.is_waking or self.of_rows.is_waking

    @property
    def follows_rows(self) -> bool:
        """Whether a reply is being written elsewhere, and is known from its rows."""
        is_written = self.newest is not None and self.newest.log.running is not None
        return is_written and not self._readers.writes(self.conversation_id)

    def rows_changed(self) -> None:
        self._is_outdated = True
        if self._reading is None:
            self._reading = self._readers.begin(self._read())

    def text_grew(self) -> None:
        self.of_text.wake()

    def differs_from(self, versions: tuple[int, int] | None) -> bool:
        """Returns whether the rows have to be read again, given the versions that the database has now."""
        newest = self.newest
        if self._reading is not None or newest is None:
            return self._reading is None
        # What another process writes grows without a new version.
        return newest.versions != versions or self.follows_rows

    def following(self, view: View) -> View | None:
        """Returns the view to go on with for a watcher that has seen all of one."""
        if view is self.newest:
            return None
        later = (one for one in self._views if one.number > view.number and one.head >= view.head)
        return next(later, None)

    async def present(self, watch: Watch) -> View:
        """Returns the newest view; the first one of a conversation has to be read."""
        if not self._views and self._reading is None:
            self.rows_changed()
        while (newest := self.newest) is None:
            await watch.changed()
        return newest

    async def near(self, at: Cursor) -> View:
        """Returns a view for a watcher that is not up to date."""
        # A watcher that was sent away would come back at once, and ask for more.
        return await self._until_read(0, at)

    async def _read(self) -> None:
        try:
            while self._is_outdated:
                self._is_outdated = False
                self._show(await self._next_view())
        except Exception:
            # The clock will find it outdated, and read it again.
            logger.exception("A watched conversation could not be read; it is tried again.")
        finally:
            self._reading = None

    async def _next_view(self) -> View:
        return await self._until_read(self.newest.number + 1 if self.newest else 1)

    async def _until_read(self, number: int, at: Cursor | None = None) -> View:
        """Reads a view, as soon as the database can be read."""
        while True:
            with suppress(Unavailable):
                return await self._readers.view(self, number, at)
            # A database that is away refuses at once.
            await asyncio.sleep(RETRY_SECONDS)

    def _show(self, view: View) -> None:
        self._views.append(view)
        self.of_text.wake()
        if view.number == 1:
            self.of_rows.wake()
        elif self._gathering is None and len(self.of_rows):
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(GATHER_SECONDS, self._wake_gathered)

    def _wake_gathered(self) -> None:
        self._gathering = None
        self.of_rows.wake()


class Readers:
    """The readers of this process, and the clock by which they notice what other processes change."""

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._readers: dict[tuple[str, str], Reader] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_watched = asyncio.Event()

    def open(self) -> None:
        """Starts the clock, which sleeps while nobody watches."""
        self.begin(self._run_clock())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def watchers(self) -> int:
        return sum(len(reader.of_text) + len(reader.of_rows) for reader in self._readers.values())

    @property
    def are_busy(self) -> bool:
        return any(reader.is_busy for reader in self._readers.values())

    @contextmanager
    def watching(self, owner: str, conversation_id: str, text: bool = True) -> Iterator[tuple[Reader, Watch]]:
        """Gives a place to watch from. Without `text` it is woken only when rows change, and a little later."""
        key = (owner, conversation_id)
        reader = self._readers.get(key) or self._add(key)
        watches, watch = reader.of_text if text else reader.of_rows, Watch()
        is_first_of_text = text and not reader.wants_text
        watches.add(watch)
        if is_first_of_text and reader.follows_rows:
            reader.rows_changed()
        try:
            yield reader, watch
        finally:
            watches.remove(watch)
            if not reader.is_watched:
                self._remove(key)

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs the work in a task that `close` ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def writes(self, conversation_id: str) -> bool:
        """Returns whether the reply that is being written in the conversation is written here."""
        return self._broker.live(conversation_id) is not None

    async def view(self, reader: Reader, number: int, at: Cursor | None = None) -> View:
        """Reads the next view that all share, or the one of a late watcher at its cursor. Raises Unavailable."""
        id, newest = reader.conversation_id, reader.newest
        # Asked for before the rows are read: a reply that ends meanwhile must not look shorter than it was.
        growing = partial(self._growing, id, self._broker.live(id))
        rows = LogReader(self._database, reader.owner, id, growing)
        if at is not None:
            read = await rows.near(at)
        elif newest is None or newest.conversation is None:
            read = await rows.now()
        else:
            read = await rows.since(newest.head)
        if read is None:
            return View(None, Log(id, {}, {}), 0, _NEVER, number)
        return View(*read, read.conversation.history_version, number, is_shared=at is None)

    def _growing(self, conversation_id: str, live: LiveReply | None, run: int, stored: str) -> Text:
        if live is not None and live.run == run:
            return live
        mirror = self._broker.follow(conversation_id, run, stored)
        # A text that is empty so far is false, too.
        return StoredText(stored) if mirror is None else mirror

    def _add(self, key: tuple[str, str]) -> Reader:
        reader = self._readers[key] = Reader(self, *key)
        self._broker.subscribe(reader.conversation_id, reader)
        self._is_watched.set()
        return reader

    def _remove(self, key: tuple[str, str]) -> None:
        reader = self._readers.pop(key)
        self._broker.unsubscribe(reader.conversation_id, reader)
        if not self._readers:
            self._is_watched.clear()

    async def _run_clock(self) -> None:
        while True:
            await self._is_watched.wait()
            await asyncio.sleep(CLOCK_SECONDS)
            try:
                await self._look()
            except Unavailable:
                logger.debug("The database is busy; the clock looks again later.")
            except Exception:
                logger.exception("The clock could not look at the watched conversations; it looks again.")

    async def _look(self) -> None:
        """Lets every conversation be read again that is not as it was read last."""
        readers = list(self._readers.values())
        for start in range(0, len(readers), _BATCH):
            batch = readers[start : start + _BATCH]
            versions = await self._versions({reader.conversation_id for reader in batch})
            for reader in batch:
                if reader.differs_from(versions.get(reader.conversation_id)):
                    reader.rows_changed()

    async def _versions(self, ids: Collection[str]) -> dict[str, tuple[int, int]]:
        # Everyone's session sees also what is being deleted.
        query = (
            select(Conversation.id, Conversation.history_version, Conversation.version)
            .join(Character, Character.id == Conversation.character_id)
            .where(Conversation.id.in_(ids), Character.deleting_at.is_(None))
        )
        async with self._database.read(everyone()) as session:
            return {id: (history, own) for id, history, own in await session.execute(query)}
