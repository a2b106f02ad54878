"""SQLite in a file: one writer at a time, a pool of readers, and what its locks say."""

import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.sql.compiler import SQLCompiler

from models.backends import Options
from models.base import json_dump
from models.readers import Reader
from models.sqlite_connections import OneHopConnection, connect, connect_writer
from models.sqlite_direct import DirectConnection, direct_of
from models.sqlite_reader import SQLiteReader
from models.turn import FileTurn

# Connections that read at once, and seconds that a further reader waits for one of them.
READERS = 10
READER_TIMEOUT = 5.0
# Without those of primary keys and constraints, which have no statement.
_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"


class SQLite:
    """`max_read` bounds what a statement of a plain session reads. Raises ArgumentError for one in memory."""

    has_one_writer = True
    read: Options = {}
    snapshot: Options = {"is_snapshot": True}
    write: Options = {}

    def __init__(self, url: URL, max_read: int) -> None:
        if url.database in (None, "", ":memory:"):
            raise ArgumentError(
                "a database in memory cannot be shared; name a file: sqlite+aiosqlite:///data/name.db"
            )
        self.url = url
        self._max_read = max_read
        self._writing = self._engine(1, connect_writer)
        self._direct: DirectConnection | None = None

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        return self._engine(READERS, partial(connect, max_read=self._max_read)), self._writing

    async def begin(self, session: AsyncSession) -> None:
        if self._direct is not None and self._direct.is_lost:
            await self.close()
        if self._direct is None:
            self._direct = await DirectConnection.of(self._writing)
        await self._direct.begin(session)

    async def commit(self, session: AsyncSession) -> None:
        direct = direct_of(session)
        assert direct is not None
        if direct.is_joined:
            await session.commit()
        else:
            await direct.commit()

    async def end(self, session: AsyncSession) -> None:
        direct = direct_of(session)
        if direct is None or direct.is_joined:
            await session.close()
        else:
            # A session that has executed nothing by itself has no connection to give back.
            session.sync_session.close()
        if direct is not None:
            await direct.rollback()

    async def close(self) -> None:
        if self._direct is not None:
            direct, self._direct = self._direct, None
            await direct.close()

    def _engine(self, size: int, connect: object) -> AsyncEngine:
        # Parameters are hidden from errors, and so from logs, because they are what people wrote.
        engine = create_async_engine(
            self.url,
            connect_args={"async_creator_fn": connect},
            json_serializer=json_dump,
            hide_parameters=True,
            pool_size=size,
            max_overflow=0,
            pool_timeout=READER_TIMEOUT,
        )
        event.listen(engine.sync_engine, "begin", _begin)
        event.listen(engine.sync_engine, "do_execute", _defer)
        event.listen(engine.sync_engine, "do_executemany", _defer_many)
        # With one writer the rows that a flush changes are there; a count of them would have to be waited for.
        engine.dialect.supports_sane_rowcount = False
        return engine

    def reader(self, engine: AsyncEngine) -> Reader | None:
        # From this version on SQLite takes JSON apart without losing digits of its numbers.
        return SQLiteReader(engine, self._max_read) if sqlite3.sqlite_version_info >= (3, 38) else None

    def turn_of_peers(self) -> FileTurn:
        self.prepare()
        return FileTurn(self._path)

    def prepare(self) -> None:
        """Creates the folder of the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)

    async def prepare_for_bulk(self, connection: AsyncConnection) -> list[str]:
        # Until the end of the transaction.
        await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        indexes = await connection.execute(text(_INDEXES))
        restoring: list[str] = []
        for name, statement in indexes.all():
            await connection.exec_driver_sql(f'DROP INDEX "{name}"')
            restoring.append(statement)
        return restoring

    def exists(self) -> bool:
        return self._path.is_file()

    def is_busy(self, error: BaseException) -> bool:
        return isinstance(error, DBAPIError) and _holds_lock(error)

    def is_transient(self, error: DBAPIError) -> bool:
        return _holds_lock(error)

    def is_gone(self, error: BaseException) -> bool:
        return False

    @property
    def _path(self) -> Path:
        return Path(self.url.database or "")


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("is_snapshot"):
        # It goes along with the first statement.
        connection.exec_driver_sql("BEGIN DEFERRED", execution_options={"is_deferred": True})


def _defer(_: object, operation: str, parameters: Sequence[Any], context: ExecutionContext) -> bool:
    return _defer_many(None, operation, [parameters], context)


def _defer_many(_: object, operation: str, parameters: Sequence[Sequence[Any]], context: ExecutionContext) -> bool:
    """Defers a statement whose result nobody reads; see OneHopConnection.defer. Returns whether it did."""
    connection = cast(OneHopConnection, context.root_connection.connection.driver_connection)
    compiled = context.compiled
    if isinstance(compiled, SQLCompiler):
        is_deferrable = connection.in_transaction and _is_change(compiled)
    else:
        is_deferrable = bool(context.execution_options.get("is_deferred"))
    return is_deferrable and connection.defer(operation, parameters)


def _is_change(compiled: SQLCompiler) -> bool:
    """Returns whether a statement changes rows and returns nothing, not even a key that it made."""
    returns_something = compiled.postfetch_lastrowid or compiled.effective_returning
    return (compiled.isinsert or compiled.isupdate or compiled.isdelete) and not returns_something


def _holds_lock(error: DBAPIError) -> bool:
    """Returns whether another connection holds SQLite's lock."""
    return getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
