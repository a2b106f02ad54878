"""SQLite's connection of writes, kept open: transactions and prepared statements go to the driver directly.

A session that executes something by itself joins the transaction, and ends it then. Executing through SQLAlchemy
costs several times what SQLite needs for a row.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from models.sqlite_connections import OneHopConnection

_KEY = "direct"


def direct_of(session: AsyncSession) -> "DirectConnection | None":
    """Returns the connection that prepared statements of the session go to, where there is one."""
    return session.info.get(_KEY)


class DirectConnection:
    """The driver's errors are raised as SQLAlchemy's, and listeners of the engine are told of each statement."""

    def __init__(self, connection: AsyncConnection, driver: OneHopConnection) -> None:
        assert connection.sync_connection is not None
        self._held = connection
        self._connection: Connection = connection.sync_connection
        self._driver = driver

    @classmethod
    async def of(cls, engine: AsyncEngine) -> "DirectConnection":
        connection = await engine.connect()
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, OneHopConnection)
        return cls(connection, driver)

    async def close(self) -> None:
        """Gives the connection back. Comes before the engine is disposed of."""
        is_lost = self.is_lost
        await self._held.close()
        if is_lost:
            await self._driver.until_stopped()

    async def begin(self, session: AsyncSession) -> None:
        """Begins a transaction, once the lock of another process is free, and lets the session join it."""
        session.sync_session.bind = self._connection
        session.info[_KEY] = self
        await self.rows("BEGIN IMMEDIATE")

    async def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        tell(self._connection, sql, values)
        with self._waiting(sql):
            return (await self._driver.run(lambda cursor: cursor.execute(sql, values)))[3]

    async def change(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Changes rows with the next statement, or with the commit; see OneHopConnection.defer."""
        tell(self._connection, sql, rows[0] if len(rows) == 1 else rows)
        if self._driver.defer(sql, rows):
            return
        with self._waiting(sql):
            await self._driver.run(lambda cursor: cursor.executemany(sql, rows))

    @property
    def is_lost(self) -> bool:
        """Whether the connection was given up, because a task was cancelled that waited for it."""
        return self._connection.invalidated

    @property
    def is_joined(self) -> bool:
        """Whether a session takes part in the transaction, which it has to end then."""
        return self._connection.get_transaction() is not None

    async def commit(self) -> None:
        with self._waiting("COMMIT"):
            await self._driver.commit()

    async def rollback(self) -> None:
        if self.is_lost:
            return
        if self.is_joined:
            # Its commit failed.
            await self._held.rollback()
        await self._driver.rollback()

    @contextmanager
    def _waiting(self, sql: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise DBAPIError.instance(sql, None, error, sqlite3.Error, hide_parameters=True) from error
        except asyncio.CancelledError:
            # The thread goes on with what was asked for, nobody knows how far.
            self._connection.invalidate()
            raise


def tell(connection: Any, sql: str, values: object) -> None:
    """Tells listeners of the connection's engine of a statement that goes to the driver directly."""
    for listener in connection.dispatch.before_cursor_execute:
        listener(connection, None, sql, values, None, False)
