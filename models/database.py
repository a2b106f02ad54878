"""Access to the database: sessions that read for an owner, and one way to write."""

import asyncio
import json
import logging
import math
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from models import sqlite
from models.migrations import upgrade
from models.ownership import OwnedSession, Owner, everyone
from models.readers import Reader

T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]

logger = logging.getLogger("repartee.database")

# Connections that read at once, and seconds that a further reader waits for one of them.
READERS = 10
READER_TIMEOUT = 5.0
# Seconds that a write waits for its turn: an import holds SQLite's lock for ten.
TURN_TIMEOUT = 20.0
# Characters that one statement of `Database.read`, and bytes that one of `Database.reader`, may read.
MAX_READ = 32 * 1024 * 1024
# Seconds that writes get to end when the database is closed.
CLOSING_TIMEOUT = 5.0
# How often a transaction is tried that the database asks to be repeated, and seconds before the next try.
_TRIES = 3
_PAUSE = 0.05
# PostgreSQL: serialization failure, deadlock, lock not available.
_TRANSIENT_STATES = {"40001", "40P01", "55P03"}

_dump = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Unavailable(Exception):
    """The database could not be used in time; the same request may succeed after `retry_after_seconds`."""

    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The database is busy. Nothing was changed; try again in a moment.")


@dataclass
class _Write(Generic[T]):
    """One call of `write`, over all its tries."""

    owner: Owner
    work: Work[T]
    deadline: float
    caller_left: bool = False
    commit_sent: bool = False


class Database:
    """Raises ArgumentError for a URL of a database in memory: its connections would not see the same tables."""

    def __init__(self, url: str, max_read: int = MAX_READ) -> None:
        self.url = make_url(url)
        self.max_read = max_read
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        if self._is_sqlite and self.url.database in (None, "", ":memory:"):
            raise ArgumentError(
                "a database in memory cannot be shared; name a file: sqlite+aiosqlite:///data/name.db"
            )
        self.engines = (self._engine(READERS), self._engine(1 if self._is_sqlite else READERS, writes=True))
        reader, writer = self.engines
        # From this version on SQLite takes JSON apart without losing digits of its numbers.
        can_write_json = self._is_sqlite and sqlite3.sqlite_version_info >= (3, 38)
        self.reader = Reader(reader, max_read) if can_write_json else None
        self._reads = _sessions(reader)
        self._snapshots = _sessions(reader, "DEFERRED")
        self._writes = _sessions(writer, "IMMEDIATE")
        # SQLite wakes those who wait for its lock in no order, so those of this process queue up here.
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing_at = math.inf

    def _engine(self, size: int, writes: bool = False) -> AsyncEngine:
        connect = sqlite.connect_writer if writes else partial(sqlite.connect, max_read=self.max_read)
        # Parameters are hidden from errors, and so from logs, because they are what people wrote.
        engine = create_async_engine(
            self.url,
            connect_args={"async_creator_fn": connect} if self._is_sqlite else {},
            json_serializer=_dump,
            hide_parameters=True,
            pool_size=size,
            max_overflow=0,
            pool_timeout=READER_TIMEOUT,
        )
        if self._is_sqlite:
            event.listen(engine.sync_engine, "begin", _begin)
        return engine

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
        except PoolTimeoutError as error:
            raise Unavailable from error
        finally:
            # A reader that is cancelled does not wait for this, but whoever closes the database does.
            closing = asyncio.create_task(session.close())
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
                if attempt == _TRIES or write.commit_sent or not is_transient(error):
                    raise
            await asyncio.sleep(_PAUSE * attempt)
        raise AssertionError("A write was neither done nor refused.")

    async def _attempt(self, write: _Write[T]) -> T:
        async with self._in_turn(write):
            session = await self._begun(write)
            try:
                result = await write.work(session)
                await session.flush()
                write.commit_sent = True
                await session.commit()
                # Still in turn: whoever writes next finds the followers of this commit done.
                _call_followers(session)
                return result
            except BaseException:
                # The rollback would empty every row that the session still holds.
                session.expunge_all()
                raise
            finally:
                await session.close()

    @asynccontextmanager
    async def _in_turn(self, write: _Write[Any]) -> AsyncIterator[None]:
        if not self._is_sqlite:
            yield
            return
        try:
            async with asyncio.timeout_at(None if math.isinf(write.deadline) else write.deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable from None
        try:
            yield
        finally:
            self._turn.release()

    async def _begun(self, write: _Write[Any]) -> AsyncSession:
        """Begins a transaction, on SQLite with the write lock. Another process may hold that for long."""
        loop = asyncio.get_running_loop()
        while True:
            session = self._writes(info={"owner": write.owner})
            try:
                await session.connection()
                if write.caller_left:
                    raise asyncio.CancelledError
                return session
            except BaseException as error:
                await session.close()
                if isinstance(error, PoolTimeoutError):
                    raise Unavailable from error
                if not (isinstance(error, DBAPIError) and is_busy(error)):
                    raise
                if write.caller_left:
                    raise asyncio.CancelledError from error
                if loop.time() >= min(write.deadline, self._closing_at):
                    raise Unavailable from error

    def _ended(self, write: _Write[Any], task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if write.caller_left and isinstance(error, DBAPIError):
            logger.error("A write failed after its caller had left.", exc_info=error)

    def exists(self) -> bool:
        """Returns whether there is something to connect to; connecting would create a missing file."""
        return not self._is_sqlite or Path(self.url.database or "").is_file()

    async def migrate(
        self, timeout: float | None = TURN_TIMEOUT, has_begun: Callable[[], object] = lambda: None
    ) -> bool:
        """Brings the tables up to date; creates a file's folder first. Returns whether there were no tables.

        `has_begun` is called when nobody else has to be waited for any more.
        """

        async def work(session: AsyncSession) -> bool:
            has_begun()
            return await (await session.connection()).run_sync(upgrade)

        if self._is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        return await self.write(everyone(), work, timeout)

    async def close(self) -> None:
        """Waits for the writes that were begun, and for sessions to be closed; then closes every connection."""
        self._closing_at = asyncio.get_running_loop().time() + CLOSING_TIMEOUT
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.reader is not None:
            await self.reader.close()
        for engine in self.engines:
            await engine.dispose()


def after_commit(session: AsyncSession, call: Callable[[], object]) -> None:
    """Registers a call for the moment after the session's commit; without a commit it is never made."""
    session.info.setdefault("after_commit", []).append(call)


def is_busy(error: DBAPIError) -> bool:
    """Returns whether another connection holds SQLite's lock."""
    return getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_transient(error: DBAPIError) -> bool:
    """Returns whether the database asks for the transaction to be repeated."""
    state = getattr(error.orig, "sqlstate", None)
    return is_busy(error) or state in _TRANSIENT_STATES or "InvalidCachedStatement" in type(error.orig).__name__


def _sessions(engine: AsyncEngine, begin: str | None = None) -> async_sessionmaker[AsyncSession]:
    # Without autoflush no query stores anything: a write stores its changes together, a read stores nothing.
    return async_sessionmaker(
        engine.execution_options(sqlite_begin=begin),
        sync_session_class=OwnedSession,
        expire_on_commit=False,
        autoflush=False,
    )


def _begin(connection: Connection) -> None:
    if mode := connection.get_execution_options().get("sqlite_begin"):
        connection.exec_driver_sql(f"BEGIN {mode}")


def _call_followers(session: AsyncSession) -> None:
    for call in session.info.pop("after_commit", ()):
        try:
            call()
        except Exception:
            logger.exception("A call after a commit failed.")
