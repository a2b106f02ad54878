"""Changes of an owner's list of conversations: which were created, changed or deleted, here or elsewhere."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Owner, Unavailable, now
from services.broker import Broker
from services.characters import require_character
from services.streaming.changes import ConversationChange
from services.streaming.watches import Watch

logger = logging.getLogger("repartee.streaming")

# Seconds between two looks at what other processes have changed, and for which changes are gathered before a look.
CLOCK_SECONDS = 1.0
GATHER_SECONDS = 0.1
_KNOWN = (Conversation.character_id, Conversation.version, Conversation.history_version)
# Another process's clock may be behind, and a transaction may commit some time after it took the time.
_OVERLAP = timedelta(seconds=5)
# Changes this much older than a watch are told to it: its client may have read the list before it began to watch.
_BEFORE = timedelta(seconds=2)


class _Known(NamedTuple):
    """What an event of a conversation is told by: a change of its versions."""

    character_id: str
    version: int
    history_version: int


class Place(Watch):
    """Where one watcher waits. What it has not taken yet is kept once a conversation, the newest."""

    __slots__ = ("changes",)

    def __init__(self) -> None:
        super().__init__()
        self.changes: dict[str, tuple[str, ConversationChange]] = {}

    def tell(self, id: str, character_id: str, change: ConversationChange) -> None:
        self.changes[id] = (character_id, change)
        self.wake()

    def take(self, character_id: str | None) -> list[ConversationChange]:
        """Returns what has changed since the last call, of one character or of all."""
        taken, self.changes = self.changes, {}
        return [change for of, change in taken.values() if character_id in (None, of)]


class WatchedList:
    """The conversations of an owner as they were seen last. Its watchers share one look at what has changed."""

    def __init__(self, database: Database, owner: str) -> None:
        self.places: dict[Place, None] = {}
        self._database = database
        self._owner = owner
        self._known: dict[str, _Known] | None = None
        self._looked_at = now()
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """Reads what is new, and tells all watchers. Raises Unavailable."""
        async with self._looking:
            async with self._database.snapshot(self._owner) as session:
                began, known = now(), self._known
                if known is None:
                    self._known = await _all(session)
                    return
                fresh, gone = _differing(known, await _versions(session, self._looked_at - _OVERLAP)), set()
                # Characters keep how many conversations they have: if these are not as many, some were deleted.
                if await _count(session) != len(known) + sum(id not in known for id in fresh):
                    there = await _all(session)
                    fresh, gone = _differing(known, there), known.keys() - there.keys()
                rows = await _rows(session, list(fresh))
            # From here on nothing is waited for: whoever leaves in the middle takes a change from nobody.
            self._looked_at = began
            known.update(fresh)
            for id in gone:
                self._tell(id, known.pop(id).character_id, ConversationChange(None, id))
            for conversation in rows:
                self._tell(conversation.id, conversation.character_id, ConversationChange(conversation))

    async def recent(self, moment: datetime) -> list[Conversation]:
        """Returns the conversations that have changed since shortly before the moment."""
        async with self._database.snapshot(self._owner) as session:
            return await _rows(session, list(await _versions(session, moment - _BEFORE)))

    def _tell(self, id: str, character_id: str, change: ConversationChange) -> None:
        for place in self.places:
            place.tell(id, character_id, change)


class Lists:
    """The watched lists of this process, and the clock by which they notice what other processes change."""

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._lists: dict[str, WatchedList] = {}
        self._is_watched = asyncio.Event()
        self._is_hinted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        broker.listen(self._hint)

    @property
    def watchers(self) -> int:
        return sum(len(one.places) for one in self._lists.values())

    def open(self) -> None:
        """Starts the clock, which sleeps while nobody watches."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def watch(self, owner: str, character_id: str | None) -> AsyncGenerator[ConversationChange, None]:
        """Returns the changes from now on, of one character's conversations or of all. Raises NotFound.

        It may begin with changes of the last seconds, and tells several of one conversation as one.
        """
        if character_id is not None:
            async with self._database.read(owner) as session:
                await require_character(session, character_id, ["character_id"])
        return self._changes(owner, character_id)

    async def _changes(self, owner: str, character_id: str | None) -> AsyncGenerator[ConversationChange, None]:
        began = now()
        with self._watching(owner) as (watched, place):
            await watched.look()
            told = {}
            for conversation in await watched.recent(began):
                told[conversation.id] = conversation.version, conversation.history_version
                if character_id in (None, conversation.character_id):
                    yield ConversationChange(conversation)
            while True:
                await place.changed()
                for change in place.take(character_id):
                    if not _is_older(change, told):
                        yield change

    @contextmanager
    def _watching(self, owner: str) -> Iterator[tuple[WatchedList, Place]]:
        place = Place()
        watched = self._lists.setdefault(owner, WatchedList(self._database, owner))
        watched.places[place] = None
        self._is_watched.set()
        try:
            yield watched, place
        finally:
            del watched.places[place]
            if not watched.places:
                del self._lists[owner]
            if not self._lists:
                self._is_watched.clear()

    def _hint(self, owner: Owner) -> None:
        if self._lists and (owner in self._lists or not isinstance(owner, str)):
            self._is_hinted.set()

    async def _run(self) -> None:
        while True:
            await self._is_watched.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOCK_SECONDS):
                    await self._is_hinted.wait()
                    await asyncio.sleep(GATHER_SECONDS)
            self._is_hinted.clear()
            for watched in list(self._lists.values()):
                await _look(watched)


def _differing(known: dict[str, _Known], there: dict[str, _Known]) -> dict[str, _Known]:
    return {id: version for id, version in there.items() if known.get(id) != version}


def _is_older(change: ConversationChange, told: dict[str, tuple[int, int]]) -> bool:
    """Returns whether a watcher that has been told these versions knows the change already."""
    if change.conversation is None:
        return False
    versions = told.pop(change.conversation.id, None)
    return versions is not None and versions >= (change.conversation.version, change.conversation.history_version)


async def _look(watched: WatchedList) -> None:
    try:
        await watched.look()
    except Unavailable:
        logger.debug("The database is busy; a watched list is looked at again later.")
    except Exception:
        logger.exception("A watched list could not be looked at; it is tried again.")


async def _all(session: AsyncSession) -> dict[str, _Known]:
    return {row[0]: _Known(*row[1:]) for row in await session.execute(select(Conversation.id, *_KNOWN))}


async def _versions(session: AsyncSession, since: datetime) -> dict[str, _Known]:
    query = select(Conversation.id, *_KNOWN).where(Conversation.updated_at >= since)
    return {row[0]: _Known(*row[1:]) for row in await session.execute(query)}


async def _rows(session: AsyncSession, ids: Sequence[str]) -> list[Conversation]:
    """Returns the conversations, the one that was updated last at the end."""
    if not ids:
        return []
    query = select(Conversation).where(Conversation.id.in_(ids)).order_by(Conversation.updated_at)
    return list(await session.scalars(query))


async def _count(session: AsyncSession) -> int:
    return await session.scalar(select(func.sum(Character.conversation_count))) or 0
