"""PostgreSQL by asyncpg: pools, isolation, and the errors that pass."""

from typing import Any

from sqlalchemy import URL, event, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from models.backends import Options
from models.base import json_dump
from models.postgres_reader import PostgreSQLReader
from models.postgres_reading import limit_reads
from models.readers import Reader

# Connections of reads and of writes, each, and seconds that one more waits for one of them.
CONNECTIONS = 10
CONNECTION_TIMEOUT = 5.0
# Seconds after which a connection is made anew, for the sake of proxies that drop old ones.
RECYCLE_SECONDS = 1800
# Seconds for a new connection, and milliseconds that a statement waits for another transaction's lock.
CONNECT_TIMEOUT = 5.0
LOCK_TIMEOUT = 5000
# Serialization failure, deadlock, lock not available.
_TRANSIENT_STATES = {"40001", "40P01", "55P03"}
# Connection exceptions, an operator's intervention such as a restart, and too many connections.
_GONE_STATES = ("08", "57P", "53300")
# What SQLAlchemy says where an engine's first connection is lost while it asks the server about itself.
_CLOSED = "This Connection is closed"

# What takes foreign keys and indexes away, and what makes them again; those of other constraints stay.
_REMOVABLE = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema::regnamespace
    UNION ALL
    SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = current_schema::regnamespace AND NOT EXISTS (
        SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')"""
# What lets each counter of new rows go on after the greatest number. CASE, because the function fails for tables
# of other schemas, and without it the plan decides whether it is asked for these.
_COUNTERS = """
    SELECT format('SELECT setval(%L, greatest(max(%I), 1)) FROM %I HAVING count(*) > 0',
                  counter, column_name, table_name)
    FROM (SELECT table_name, column_name, CASE WHEN table_schema = current_schema
              THEN pg_get_serial_sequence(quote_ident(table_name), column_name) END AS counter
          FROM information_schema.columns) AS columns
    WHERE counter IS NOT NULL"""


class PostgreSQL:
    """`max_read` bounds what a statement of a plain session reads."""

    has_one_writer = False
    # One round trip instead of three: each statement is a transaction of its own.
    read: Options = {"isolation_level": "AUTOCOMMIT"}
    snapshot: Options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    write: Options = {"isolation_level": "READ COMMITTED"}

    def __init__(self, url: URL, max_read: int) -> None:
        self.url = asyncpg_url(url)
        self._max_read = max_read

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        reading, writing = self._engine(), self._engine()
        limit_reads(reading, self._max_read)
        return reading, writing

    def _engine(self) -> AsyncEngine:
        settings = {"application_name": "repartee", "timezone": "UTC", "lock_timeout": str(LOCK_TIMEOUT)}
        # Compiling a plain read takes longer than executing it, and would be done each time.
        settings["jit"] = "off"
        try:
            # Parameters are hidden from errors, and so from logs, because they are what people wrote.
            engine = create_async_engine(
                self.url,
                connect_args={"server_settings": settings, "timeout": CONNECT_TIMEOUT},
                json_serializer=json_dump,
                hide_parameters=True,
                pool_size=CONNECTIONS,
                max_overflow=0,
                pool_timeout=CONNECTION_TIMEOUT,
                pool_recycle=RECYCLE_SECONDS,
                # The connections that are used most stay, and the others are closed when it is quiet.
                pool_use_lifo=True,
            )
        except ModuleNotFoundError as error:
            raise ArgumentError(
                "PostgreSQL needs a package more: pip install --no-deps -r requirements-server.txt"
            ) from error
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        return engine

    def reader(self, engine: AsyncEngine) -> Reader:
        return PostgreSQLReader(engine, self.is_gone)

    async def begin(self, session: AsyncSession) -> None:
        await session.connection()

    async def commit(self, session: AsyncSession) -> None:
        await session.commit()

    async def end(self, session: AsyncSession) -> None:
        try:
            await session.close()
        except DBAPIError as error:
            # With the connection its transaction has ended, too.
            if not self.is_gone(error):
                raise

    async def close(self) -> None:
        """Does nothing: the connections are the pools'."""

    def turn_of_peers(self) -> None:
        return None

    def prepare(self) -> None:
        """Does nothing: the database has to be there."""

    async def prepare_for_bulk(self, connection: AsyncConnection) -> list[str]:
        restoring: list[str] = []
        for removing, statement in (await connection.execute(text(_REMOVABLE))).all():
            await connection.exec_driver_sql(removing)
            restoring.append(statement)
        return [*restoring, *(await connection.execute(text(_COUNTERS))).scalars(), "ANALYZE"]

    def exists(self) -> bool:
        return True

    def is_busy(self, error: BaseException) -> bool:
        return False

    def is_transient(self, error: DBAPIError) -> bool:
        return _state_of(error) in _TRANSIENT_STATES or "InvalidCachedStatement" in type(error.orig).__name__

    def is_gone(self, error: BaseException) -> bool:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        if isinstance(error, NotImplementedError) and error.__context__ is not None:
            # Like _CLOSED; what was lost is the error before it.
            error = error.__context__
        is_away = isinstance(error, OSError | TimeoutError | PoolTimeoutError) or str(error) == _CLOSED
        return is_away or _state_of(error).startswith(_GONE_STATES)


def asyncpg_url(url: URL) -> URL:
    """Returns the URL as SQLAlchemy's dialect of asyncpg takes it, from any usual form."""
    query: dict[str, Any] = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query)


def _refuse_closed(connection: object, entry: ConnectionPoolEntry, proxy: object) -> None:
    """Lets the pool open a connection anew that the server has closed, as when it was restarted."""
    driver: Any = entry.driver_connection
    if driver.is_closed():
        raise DisconnectionError


def _state_of(error: BaseException) -> str:
    """Returns the error's SQLSTATE, whether it comes from SQLAlchemy or from the driver itself."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""
