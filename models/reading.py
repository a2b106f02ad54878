"""Reading by prepared statements that see one state of the data, without a session where that is possible."""

import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from models.database import Database
from models.ownership import Owner, key_of
from models.prepared import Prepared
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
    # One statement sees one state by itself.
    async with (database.read if len(asked) == 1 else database.snapshot)(owner) as session:
        return [(await statement.rows(session, **values)).all() for statement, values in asked]
