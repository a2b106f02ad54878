"""Access to the database: sessions that read for an owner, and one way to write."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.pool import QueuePool

from models.backends import Options, backend_for
from models.migrations import upgrade
from models.ownership import OwnedSession, Owner, everyone
from models.storing import store_changes

T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]

logger = logging.getLogger("repartee.database")

# Seconds that a write waits for its turn: an import holds SQLite's lock for ten.
TURN_TIMEOUT = 20.0
# Characters that one statement of `Database.read`, and bytes that one of `Database.reader`, may read.
MAX_READ = 32 * 1024 * 1024
# Seconds that writes get to end when the database is closed.
CLOSING_TIMEOUT = 5.0
# How often a transaction is tried that the database asks to be repeated, and seconds before the next try.
_TRIES = 3
_PAUSE = 0.05


class Unavailable(Exception):
    """The database could not be used in time; the same request may succeed after `retry_after_seconds`."""

    retry_after_seconds = 5

    def __init__(self, may_be_done: bool = False) -> None:
        super().__init__(
            "The database connection was lost at the commit: the change may have been made. "
            "Repeat it with the same idempotencyKey."
            if may_be_done
            else "The database is busy. Nothing was changed; try again in a moment."
        )


@dataclass
class _Write(Generic[T]):
    """One call of `write`, over all its tries."""

    owner: Owner
    work: Work[T]
    deadline: float
    caller_left: bool = False
    commit_sent: bool = False


class Database:
    """Raises ArgumentError for a URL of a database that cannot be used.

    `has_peers`: other processes write, too, and so often that they wait in line.
    """

    def __init__(self, url: str, max_read: int = MAX_READ, has_peers: bool = False) -> None:
        self.url = make_url(url)
        self.max_read = max_read
        self._backend = backend_for(self.url, max_read)
        self.engines = reading, writing = self._backend.engines()
        self.reader = self._backend.reader(reading)
        self._reads = _sessions(reading, self._backend.read)
        self._snapshots = _sessions(reading, self._backend.snapshot)
        self._writes = _sessions(writing, self._backend.write)
        # SQLite wakes those who wait for its lock in no order, so those of this process queue up here.
        self._turn = asyncio.Lock()
        self._turn_of_peers = self._backend.turn_of_peers() if has_peers else None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing_at = math.inf

    def read(self, owner: Owner) -> AbstractAsyncContextManager[AsyncSession]:
        """Opens a session for queries; each statement sees what is committed when it runs.

        Raises Unavailable, and ReadTooLarge for a statement that reads more than `max_read` characters.
        """
        return self._opened(self._reads, owner)

    def snapshot(self, owner: Owner) -> AbstractAsyncContextManager[AsyncSession]:
        """Opens a session whose queries all see one state; they may read any amount. Raises Unavailable."""
        return self._opened(self._snapshots, owner)

    @asynccontextmanager
    async def _opened(self, make: async_sessionmaker[AsyncSession], owner: Owner) -> AsyncIterator[AsyncSession]:
        session = make(info={"owner": owner})
        try:
            yield session
        except Exception as error:
            if isinstance(error, PoolTimeoutError) or self._backend.is_gone(error):
                raise Unavailable from error
            raise
        finally:
            # A reader that is cancelled does not wait for this, but whoever closes the database does.
            closing = asyncio.create_task(self._backend.end(session))
            self._tasks.add(closing)
            closing.add_done_callback(self._tasks.discard)
            await asyncio.shield(closing)

    async def write(self, owner: Owner, work: Work[T], timeout: float | None = TURN_TIMEOUT) -> T:
        """Runs `work` in one transaction, commits, and makes the calls that `work` registered by `after_commit`.

        All of it goes on if the caller is cancelled, but a write that has not begun by then is dropped. `work` may
        run up to three times, each time in a new session, so it is given ids and values but no rows. Rows that it
        returns, or that its exception carries, stay readable. Raises Unavailable when the turn does not come
        within `timeout` seconds; None waits on.
        """
        deadline = math.inf if timeout is None else asyncio.get_running_loop().time() + timeout
        write = _Write(owner, work, deadline)
        task = asyncio.create_task(self._run(write))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, write))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            write.caller_left = True
            raise

    async def _run(self, write: _Write[T]) -> T:
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._attempt(write)
            except DBAPIError as error:
                if write.commit_sent and self._backend.is_gone(error):
                    raise Unavailable(may_be_done=True) from error
                if write.commit_sent or not self._may_be_repeated(error):
                    raise
                if attempt == _TRIES:
                    raise Unavailable from error
            await asyncio.sleep(_PAUSE * attempt)
        raise AssertionError("A write was neither done nor refused.")

    async def _attempt(self, write: _Write[T]) -> T:
        async with self._in_turn(write):
            session = await self._begun(write)
            try:
                result = await write.work(session)
                await store_changes(session)
                write.commit_sent = True
                await self._backend.commit(session)
                # Still in turn: whoever writes next finds the followers of this commit done.
                _call_followers(session)
                return result
            except BaseException:
                # The rollback would empty every row that the session still holds.
                session.expunge_all()
                raise
            finally:
                await self._backend.end(session)

    @asynccontextmanager
    async def _in_turn(self, write: _Write[Any]) -> AsyncIterator[None]:
        if not self._backend.has_one_writer:
            yield
            return
        try:
            async with asyncio.timeout_at(None if math.isinf(write.deadline) else write.deadline):
                await self._acquire_turn()
        except TimeoutError:
            raise Unavailable from None
        try:
            yield
        finally:
            if self._turn_of_peers is not None:
                self._turn_of_peers.release()
            self._turn.release()

    async def _acquire_turn(self) -> None:
        await self._turn.acquire()
        if self._turn_of_peers is None:
            return
        try:
            await self._turn_of_peers.acquire()
        except BaseException:
            self._turn.release()
            raise

    async def _begun(self, write: _Write[Any]) -> AsyncSession:
        """Begins a transaction, on SQLite with the write lock. Another process may hold that for long."""
        loop = asyncio.get_running_loop()
        while True:
            session = self._writes(info={"owner": write.owner})
            try:
                await self._backend.begin(session)
                if write.caller_left:
                    raise asyncio.CancelledError
                return session
            except BaseException as error:
                await self._backend.end(session)
                if isinstance(error, PoolTimeoutError) or self._backend.is_gone(error):
                    raise Unavailable from error
                if not self._backend.is_busy(error):
                    raise
                if write.caller_left:
                    raise asyncio.CancelledError from error
                if loop.time() >= min(write.deadline, self._closing_at):
                    raise Unavailable from error

    def _may_be_repeated(self, error: DBAPIError) -> bool:
        # A connection that is lost before the commit was sent has changed nothing.
        return self._backend.is_transient(error) or self._backend.is_gone(error)

    def _ended(self, write: _Write[Any], task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if write.caller_left and isinstance(error, DBAPIError):
            logger.error("A write failed after its caller had left.", exc_info=error)

    def connections_in_use(self) -> dict[str, float]:
        """Returns how many connections are being used, by what they are for."""
        reading, writing = (cast(QueuePool, engine.pool).checkedout() for engine in self.engines)
        # The connection of one writer is kept.
        return {"reads": reading, "writes": self._turn.locked() if self._backend.has_one_writer else writing}

    def exists(self) -> bool:
        """Returns whether there is something to connect to; connecting would create a missing file."""
        return self._backend.exists()

    async def migrate(
        self, timeout: float | None = TURN_TIMEOUT, has_begun: Callable[[], object] = lambda: None
    ) -> bool:
        """Brings the tables up to date; creates a file's folder first. Returns whether there were no tables.

        `has_begun` is called when nobody else has to be waited for any more.
        """

        async def work(session: AsyncSession) -> bool:
            has_begun()
            return await (await session.connection()).run_sync(upgrade)

        self.prepare()
        return await self.write(everyone(), work, timeout)

    def prepare(self) -> None:
        """Makes what has to be there before the first connection."""
        self._backend.prepare()

    async def prepare_for_bulk(self, connection: AsyncConnection) -> list[str]:
        """Takes away, in a write's transaction, what hinders many new rows in any order: indexes and foreign keys.

        Returns the statements that bring them back, to be executed in the same transaction.
        """
        return await self._backend.prepare_for_bulk(connection)

    async def close(self) -> None:
        """Waits for the writes that were begun, and for sessions to be closed; then closes every connection."""
        self._closing_at = asyncio.get_running_loop().time() + CLOSING_TIMEOUT
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.reader is not None:
            await self.reader.close()
        await self._backend.close()
        for engine in self.engines:
            await engine.dispose()
        if self._turn_of_peers is not None:
            self._turn_of_peers.close()


def after_commit(session: AsyncSession, call: Callable[[], object]) -> None:
    """Registers a call for the moment after the session's commit; without a commit it is never made."""
    session.info.setdefault("after_commit", []).append(call)


def _sessions(engine: AsyncEngine, options: Options) -> async_sessionmaker[AsyncSession]:
    # Without autoflush no query stores anything: a write stores its changes together, a read stores nothing.
    return async_sessionmaker(
        engine.execution_options(**options),
        sync_session_class=OwnedSession,
        expire_on_commit=False,
        autoflush=False,
    )


def _call_followers(session: AsyncSession) -> None:
    for call in session.info.pop("after_commit", ()):
        try:
            call()
        except Exception:
            logger.exception("A call after a commit failed.")
