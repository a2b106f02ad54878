"""Reading by prepared statements that see one state of the data, without a session where that is possible."""

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.ownership import Owner, key_of
from models.prepared import Prepared
from models.sqlite_connections import ReadTooLarge
from models.sqlite_reader import SQLiteReader

logger = logging.getLogger("repartee.database")

# A statement, and its values by their names.
Asked = tuple[Prepared, dict[str, Any]]


async def read_together(database: Database, owner: Owner, *asked: Asked) -> list[Sequence[Row[Any]]]:
    """Returns the rows that each statement finds; those of mapped classes are in no session.

    Raises Unavailable.
    """
    if isinstance(reader := database.reader, SQLiteReader):
        try:
            return await reader.rows(key_of(owner), asked)
        except sqlite3.Error:
            logger.debug("A read without a session failed; it is done by one.", exc_info=True)
    if len(asked) == 1:
        # It sees one state by itself, and may read more in a snapshot.
        with suppress(ReadTooLarge):
            return await _read_by(database.read(owner), asked)
    return await _read_by(database.snapshot(owner), asked)


async def _read_by(
    opening: AbstractAsyncContextManager[AsyncSession], asked: Sequence[Asked]
) -> list[Sequence[Row[Any]]]:
    async with opening as session:
        return [(await statement.rows(session, **values)).all() for statement, values in asked]
