"""Waiting for the database's write lock beside a running server: bounded, and said."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from models import Database

T = TypeVar("T")

# Seconds to wait at the most, and before it is said.
PATIENCE = 30.0
_SAID_AFTER = 1.0

Say = Callable[[str], None]


class Locked(Exception):
    """Another program holds the lock for too long."""


@asynccontextmanager
async def held(database: Database, say: Say, patience: float = PATIENCE) -> AsyncIterator[AsyncSession]:
    """Open a write transaction that has the lock already. Raises Locked."""
    session, stack = await patiently(lambda: _opened(database), say, patience)
    async with stack:
        yield session


async def patiently(begin: Callable[[], Awaitable[T]], say: Say, patience: float = PATIENCE) -> T:
    """Try what needs the lock until it is free. Raises Locked."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    notice = loop.call_later(
        _SAID_AFTER, say, f"Another program is writing to the database; waiting up to {patience:g} s for it …"
    )
    try:
        while True:
            try:
                return await begin()
            except OperationalError as error:
                if "locked" not in str(error.orig):
                    raise
                if loop.time() >= deadline:
                    raise Locked(
                        f"Another program has kept the database locked for {patience:g} s. Nothing was written; "
                        "try again when it is done."
                    ) from error
    finally:
        notice.cancel()


async def _opened(database: Database) -> tuple[AsyncSession, AsyncExitStack]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(database.write())
        # The transaction begins, and takes the lock, with the connection.
        await session.connection()
        return session, stack.pop_all()
    raise AssertionError("A transaction was neither opened nor refused.")
