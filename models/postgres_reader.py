"""Plain reads on PostgreSQL: the driver runs the statements, on connections of SQLAlchemy's pool.

Executing through SQLAlchemy costs as much as such a statement itself.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import PoolProxiedConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only, greenlet_spawn

from models.postgres_reading import lift_limit
from models.readers import ReaderAway, Statement, TooDeep

# The statement has more levels than the server's stack bears, too many columns, or a function too many arguments.
_TOO_COMPLEX = ("54001", "54011", "54023")


class PostgreSQLReader:
    """`is_gone` tells the errors of a database that cannot be reached at present."""

    dialect = "postgresql"
    reads_rows = False

    def __init__(self, engine: AsyncEngine, is_gone: Callable[[BaseException], bool]) -> None:
        self._engine = engine.sync_engine
        self._is_gone = is_gone

    def define(self, name: str, function: Callable[..., Any], arguments: int) -> None:
        """Does nothing: the server calls no function of ours."""

    async def values(self, statements: Sequence[Statement]) -> list[Any]:
        """Takes one statement, which sees one state of the data in a single round trip."""
        [(sql, parameters)] = statements
        # SQLAlchemy opens and closes connections of a pool in a greenlet, where it can wait.
        return await greenlet_spawn(self._row, sql, parameters)

    async def rows(self, statements: Sequence[Statement]) -> None:
        """Returns None: a session needs no more round trips for a statement."""

    def _row(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        connection = self._connected()
        driver: Any = connection.driver_connection
        lift_limit(connection)
        try:
            return list(await_only(driver.fetchrow(sql, *parameters)))
        except Exception as error:
            if driver.is_closed() or self._is_gone(error):
                connection.invalidate(error)
                raise ReaderAway from error
            if getattr(error, "sqlstate", None) in _TOO_COMPLEX:
                raise TooDeep from error
            raise
        except BaseException as error:
            # Who is cancelled does not know how far the connection has come.
            connection.invalidate(error)
            raise
        finally:
            connection.close()

    def _connected(self) -> PoolProxiedConnection:
        try:
            return self._engine.raw_connection()
        except Exception as error:
            if self._is_gone(error):
                raise ReaderAway from error
            raise

    async def close(self) -> None:
        """Does nothing: the connections are the pool's."""
