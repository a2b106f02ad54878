"""The one door to the database: reads, and writes that commit or roll back whole."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from models import sqlite

_dump = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Database:
    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        connecting = {"async_creator_fn": sqlite.connect} if self._is_sqlite else {}
        # What people say stays out of errors, and so out of logs.
        self.engine = create_async_engine(
            self.url, connect_args=connecting, json_serializer=_dump, hide_parameters=True
        )
        self._reads = self._sessions()
        self._snapshots = self._sessions("DEFERRED")
        self._writes = self._sessions("IMMEDIATE")
        # SQLite's own wait for its write lock is a sleep and not in turn; ours is both.
        self._turn = asyncio.Lock()
        if self._is_sqlite:
            event.listen(self.engine.sync_engine, "begin", _begin)

    def _sessions(self, begin: str | None = None) -> async_sessionmaker[AsyncSession]:
        engine = self.engine.execution_options(sqlite_begin=begin)
        return async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for queries only; each statement sees what is committed when it runs."""
        async with self._reads() as session:
            yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """Open a session for queries that must all see one state."""
        async with self._snapshots() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open one transaction: committed when the block ends, rolled back when it raises.

        Rows that an exception carries out stay readable as they were.
        On SQLite it holds the write lock from its beginning, so check-then-write is safe.
        """
        async with AsyncExitStack() as stack:
            if self._is_sqlite:
                await stack.enter_async_context(self._turn)
            session = await stack.enter_async_context(self._writes.begin())
            try:
                yield session
            except BaseException:
                # The rollback would empty every row that the session still holds.
                session.expunge_all()
                raise

    def exists(self) -> bool:
        """Tell whether there is something to connect to; a missing file would be made by that."""
        return not self._is_sqlite or Path(self.url.database or "").is_file()

    async def migrate(self) -> bool:
        """Bring the tables to the newest form; a file's folder is made first. Tell whether there were none."""
        # Alembic is slow to import, and only this needs it.
        from models.migrations import upgrade

        if self._is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        async with self.write() as session:
            return await (await session.connection()).run_sync(upgrade)

    async def close(self) -> None:
        await self.engine.dispose()


def _begin(connection: Connection) -> None:
    mode: Any = connection.get_execution_options().get("sqlite_begin")
    if mode:
        connection.exec_driver_sql(f"BEGIN {mode}")
