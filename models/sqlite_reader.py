"""Plain reads on SQLite: a connection kept open, which SQLAlchemy opens; the driver runs the statements.

Executing through SQLAlchemy costs more than such a statement itself.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from models.readers import Statement, TooDeep
from models.sqlite_connections import OneHopConnection, ReadTooLarge
from models.sqlite_direct import tell

logger = logging.getLogger("repartee.database")


class SQLiteReader:
    """Reads of one process. A second connection would slow both down on few cores; processes scale better."""

    dialect = "sqlite"
    reads_rows = True

    def __init__(self, engine: AsyncEngine, max_value: int) -> None:
        self._engine = engine
        self._max_value = max_value
        self._functions: list[tuple[str, Callable[..., Any], int]] = []
        self._opening: asyncio.Task[OneHopConnection] | None = None
        self._connection: AsyncConnection | None = None
        self._driver: OneHopConnection | None = None

    def define(self, name: str, function: Callable[..., Any], arguments: int) -> None:
        self._functions.append((name, function, arguments))

    async def values(self, statements: Sequence[Statement]) -> list[Any]:
        """Raises TooDeep, and ReadTooLarge for a value of more than `max_value` bytes."""
        driver = self._driver or await self._open()
        try:
            return await driver.values(statements)
        except sqlite3.OperationalError as error:
            if "stack overflow" in str(error) or "too large" in str(error):
                raise TooDeep from error
            raise
        except sqlite3.DataError as error:
            raise ReadTooLarge(self._max_value) from error

    async def rows(self, statements: Sequence[Statement]) -> list[list[Any]] | None:
        try:
            driver = self._driver or await self._open()
            assert self._connection is not None
            for sql, values in statements:
                tell(self._connection.sync_connection, sql, values)
            return await driver.rows(statements)
        except (sqlite3.Error, PoolTimeoutError):
            logger.debug("Rows could not be read without a session.", exc_info=True)
            return None

    async def _open(self) -> OneHopConnection:
        """Opens the connection once, whoever of those that wait for it leaves."""
        if self._opening is None or (self._opening.done() and self._driver is None):
            self._opening = asyncio.create_task(self._opened())
        return await asyncio.shield(self._opening)

    async def _opened(self) -> OneHopConnection:
        self._connection = await self._engine.connect()
        driver: OneHopConnection | None = (await self._connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.limit_values(self._max_value)
        for function in self._functions:
            await driver.define(*function)
        self._driver = driver
        return driver

    async def close(self) -> None:
        """Gives the connection back. Comes before the engine is disposed of."""
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
