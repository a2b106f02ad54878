"""SQLite as Repartee wants it: one thread hop a statement, write-ahead log, checked references.

aiosqlite runs a connection in a thread of its own. SQLAlchemy asks it to open a cursor, execute, fetch and
close, and rolls back whatever it reads; each of these is a hop to that thread and back. Here a statement is
one hop, and a transaction that never began is not ended.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite

# Milliseconds that a statement waits for another process's lock; an import of old chats holds it for long.
BUSY_TIMEOUT = 10_000

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
)


class _Cursor:
    """What SQLAlchemy's adapter asks of a cursor; rows are there when `execute` returns."""

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
        """Nothing is open any more."""

    async def _run(self, act: Callable[[sqlite3.Cursor], sqlite3.Cursor]) -> None:
        done = await self._connection.run(act)
        self.description, self.rowcount, self.lastrowid, self._rows = done


class OneHopConnection(aiosqlite.Connection):
    async def run(self, act: Callable[[sqlite3.Cursor], sqlite3.Cursor]) -> tuple[Any, int, int | None, list[Any]]:
        """Execute and fetch in the connection's thread, in one go."""

        def whole() -> tuple[Any, int, int | None, list[Any]]:
            cursor = act(self._conn.cursor())
            rows = cursor.fetchall() if cursor.description else []
            done = (cursor.description, cursor.rowcount, cursor.lastrowid, rows)
            cursor.close()
            return done

        return await self._execute(whole)  # type: ignore[no-any-return, no-untyped-call]

    async def _connect(self) -> aiosqlite.Connection:
        try:
            return await super()._connect()
        except BaseException:
            # The thread says farewell to the loop, which may be closed by then.
            await asyncio.to_thread(self._thread.join)
            raise

    def cursor(self) -> _Cursor:  # type: ignore[override]
        return _Cursor(self)

    async def commit(self) -> None:
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        if self.in_transaction:
            await super().rollback()


def connect(path: str, **options: Any) -> OneHopConnection:
    """Open a connection that leaves BEGIN to its caller; pass it to SQLAlchemy as `async_creator_fn`."""

    def open_prepared() -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(path, **{**options, "isolation_level": None})
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        return connection

    connection = OneHopConnection(open_prepared, iter_chunk_size=64)
    # A process that dies without closing must not wait for the thread.
    connection._thread.daemon = True
    return connection
