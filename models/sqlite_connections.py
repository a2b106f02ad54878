"""SQLite connections: one thread hop a statement, write-ahead log, foreign keys.

aiosqlite runs a connection in a thread of its own. SQLAlchemy asks it to open a cursor, execute, fetch and
close, and rolls back whatever it reads; each of these is a hop to that thread and back, which costs several times
what SQLite needs, and waits for its turn wherever the event loop is busy. Here a statement is one hop, those whose
results nobody reads go along with the next one or with the commit, nobody waits for a rollback, and a transaction
that never began is not ended. This uses private members of aiosqlite, so its version is pinned.
"""

import asyncio
import math
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import aiosqlite

from models.readers import Statement

# Milliseconds that a statement waits for another process's lock; an import of old chats holds it for long.
BUSY_TIMEOUT = 10_000
# A writer waits in short steps, because nothing can end the wait inside a step. See Database.write.
WRITER_BUSY_TIMEOUT = 500
# KiB of pages that a connection keeps. A change of a long branch touches more than SQLite's usual 2 MiB.
READER_CACHE_KIB, WRITER_CACHE_KIB = 2_000, 64_000
# Statements, and rows of each, that are kept to be executed together.
_MAX_DEFERRED = 16

T = TypeVar("T")
Act = Callable[[sqlite3.Cursor], sqlite3.Cursor]

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
)


class ReadTooLarge(Exception):
    """A statement reads more than `limit` bytes or characters."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A statement reads more than {limit:,} characters.")
        self.limit = limit


class _Cursor:
    """The part of a cursor that SQLAlchemy's adapter uses; `execute` has fetched the rows when it returns."""

    arraysize = 1
    description: Any = None
    rowcount = -1
    lastrowid: int | None = None

    def __init__(self, connection: "OneHopConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> None:
        await self._run(lambda cursor: cursor.execute(operation, parameters))

    async def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> None:
        await self._run(lambda cursor: cursor.executemany(operation, parameters))

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None:
        """Does nothing: the cursor was closed when its rows had been fetched."""

    async def _run(self, act: Act) -> None:
        done = await self._connection.run(act)
        self.description, self.rowcount, self.lastrowid, self._rows = done


class OneHopConnection(aiosqlite.Connection):
    """Outside a transaction `run` reads at most `max_read` characters; in one it may read more."""

    max_read: float = math.inf

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deferred: deque[tuple[str, Sequence[Sequence[Any]]]] = deque()

    def defer(self, operation: str, parameters: Sequence[Sequence[Any]]) -> bool:
        """Executes a statement in the hop of the next one, or of the commit, which then raises its error.

        Returns False, and does nothing, for many rows and when many statements wait already.
        """
        if len(parameters) > _MAX_DEFERRED or len(self._deferred) == _MAX_DEFERRED:
            return False
        self._deferred.append((operation, parameters))
        return True

    async def run(self, act: Act) -> tuple[Any, int, int | None, list[Any]]:
        """Executes and fetches in the connection's thread, in one hop."""

        def execute_and_fetch() -> tuple[Any, int, int | None, list[Any]]:
            self._execute_deferred()
            cursor = act(self._conn.cursor())
            rows = self._fetched(cursor) if cursor.description else []
            done = (cursor.description, cursor.rowcount, cursor.lastrowid, rows)
            cursor.close()
            return done

        return await self._execute(execute_and_fetch)  # type: ignore[no-any-return, no-untyped-call]

    def _execute_deferred(self) -> None:
        while self._deferred:
            operation, parameters = self._deferred[0]
            for one in parameters:
                self._conn.execute(operation, one).close()
            # One that fails stays, so that the transaction cannot be committed without it.
            self._deferred.popleft()

    def _fetched(self, cursor: sqlite3.Cursor) -> list[Any]:
        """Returns all rows. Raises ReadTooLarge as soon as their texts are too long, before all are in memory."""
        if self._conn.in_transaction:
            return cursor.fetchall()
        rows, size = [], 0
        for row in cursor:
            size += sum([len(value) for value in row if type(value) is str])
            if size > self.max_read:
                cursor.close()
                raise ReadTooLarge(int(self.max_read))
            rows.append(row)
        return rows

    async def define(self, name: str, function: Callable[..., Any], arguments: int) -> None:
        """Lets statements call a function of Python's; the same arguments must always give the same value."""
        await self._execute(  # type: ignore[no-untyped-call]
            partial(self._conn.create_function, name, arguments, function, deterministic=True)
        )

    async def limit_values(self, size: int) -> None:
        """Lets no statement make a value of more than `size` bytes: DataError, "string or blob too big"."""
        await self._execute(self._conn.setlimit, sqlite3.SQLITE_LIMIT_LENGTH, size)  # type: ignore[no-untyped-call]

    async def values(self, statements: Sequence[Statement]) -> list[Any]:
        """Returns the first value of each statement, None where it has no row, in one hop and one transaction."""
        return await self._read(statements, _first_value)

    async def rows(self, statements: Sequence[Statement]) -> list[list[Any]]:
        """Returns the rows of each statement, in one hop and one transaction."""
        return await self._read(statements, sqlite3.Cursor.fetchall)

    async def _read(self, statements: Sequence[Statement], fetch: Callable[[sqlite3.Cursor], T]) -> list[T]:
        def read_all() -> list[T]:
            if len(statements) == 1:
                return [fetch(self._conn.execute(*statements[0]))]
            self._conn.execute("BEGIN")
            try:
                return [fetch(self._conn.execute(*statement)) for statement in statements]
            finally:
                self._conn.execute("COMMIT")

        return await self._execute(read_all)  # type: ignore[no-any-return, no-untyped-call]

    async def _connect(self) -> aiosqlite.Connection:
        try:
            return await super()._connect()
        except BaseException:
            # The connection's thread posts its result to the event loop; wait, or it may find the loop closed.
            await self.until_stopped()
            raise

    async def until_stopped(self) -> None:
        """Waits for the thread of a connection that is being closed: it does first what it was asked for."""
        await asyncio.to_thread(self._thread.join)

    def cursor(self) -> _Cursor:  # type: ignore[override]
        return _Cursor(self)

    async def commit(self) -> None:
        if self.in_transaction:
            await self._execute(self._commit)  # type: ignore[no-untyped-call]
        else:
            self._deferred.clear()

    def _commit(self) -> None:
        try:
            self._execute_deferred()
            self._conn.commit()
        except BaseException:
            # SQLAlchemy takes a transaction for ended, however its commit ended.
            self._deferred.clear()
            self._conn.rollback()
            raise

    async def rollback(self) -> None:
        """Lets the thread roll back before whatever it is asked for next."""
        self._deferred.clear()
        if self.in_transaction:
            self._tx.put_nowait((None, self._conn.rollback))


def _first_value(cursor: sqlite3.Cursor) -> Any:
    row = cursor.fetchone()
    return None if row is None else row[0]


def connect(
    path: str,
    busy_timeout: int = BUSY_TIMEOUT,
    cache_kib: int = READER_CACHE_KIB,
    max_read: float = math.inf,
    **options: Any,
) -> OneHopConnection:
    """Opens a connection that leaves BEGIN to its caller; for SQLAlchemy's `async_creator_fn`."""

    def open_prepared() -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(path, **{**options, "isolation_level": None})
        connection.execute(f"PRAGMA busy_timeout = {busy_timeout}")
        connection.execute(f"PRAGMA cache_size = {-cache_kib}")
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        return connection

    connection = OneHopConnection(open_prepared, iter_chunk_size=64)
    # A process that ends without closing must not wait for the thread.
    connection._thread.daemon = True
    connection.max_read = max_read
    return connection


connect_writer = partial(connect, busy_timeout=WRITER_BUSY_TIMEOUT, cache_kib=WRITER_CACHE_KIB)
