"""What differs between the databases: how to connect, how transactions begin, and which errors may pass."""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from models.readers import Reader
from models.turn import FileTurn

# Options of a connection's execution, by what a session is for.
Options = Mapping[str, Any]


class Backend(Protocol):
    """`has_one_writer`: writes queue up in this process, because the database lets one in at a time."""

    has_one_writer: bool
    read: Options
    snapshot: Options
    write: Options

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """Returns the engine of reads and snapshots, and that of writes."""
        ...

    def reader(self, engine: AsyncEngine) -> Reader | None:
        """Returns the reader of plain reads, where the database can write JSON as the resolvers do."""
        ...

    async def begin(self, session: AsyncSession) -> None:
        """Begins the transaction of a write, which locks SQLite."""

    async def commit(self, session: AsyncSession) -> None:
        """Commits a write."""

    async def end(self, session: AsyncSession) -> None:
        """Closes a session, and rolls back what it has not committed."""

    async def close(self) -> None:
        """Comes before the engines are disposed of."""

    def turn_of_peers(self) -> FileTurn | None:
        """Returns the turn that writers of several processes take, where the database lets one in at a time."""
        ...

    def prepare(self) -> None:
        """Makes what has to be there before the tables are made."""

    async def prepare_for_bulk(self, connection: AsyncConnection) -> list[str]:
        """See Database.prepare_for_bulk."""
        ...

    def exists(self) -> bool:
        """Returns whether there is something to connect to; connecting may create it."""
        ...

    def is_busy(self, error: BaseException) -> bool:
        """Returns whether a transaction could not begin yet, and may when it is tried again."""
        ...

    def is_transient(self, error: DBAPIError) -> bool:
        """Returns whether the database asks for the transaction to be repeated."""
        ...

    def is_gone(self, error: BaseException) -> bool:
        """Returns whether the database cannot be reached at present."""
        ...


def backend_for(url: URL, max_read: int) -> Backend:
    """Raises ArgumentError for a database that is not supported, or a driver that is not the one of its kind."""
    name, driver = url.get_backend_name(), url.drivername.partition("+")[2]
    if name == "sqlite" and driver in ("", "aiosqlite"):
        from models.sqlite import SQLite

        return SQLite(url.set(drivername="sqlite+aiosqlite"), max_read)
    if name in ("postgresql", "postgres") and driver in ("", "asyncpg"):
        from models.postgres import PostgreSQL

        return PostgreSQL(url, max_read)
    raise ArgumentError(
        f"{url.drivername} is not supported; use sqlite+aiosqlite:///data/repartee.db or postgresql://…"
    )
