"""Reading by prepared statements that see one state of the data, without a session where that is possible."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.ownership import Owner, key_of
from models.prepared import Prepared
from models.sqlite_connections import ReadTooLarge

# A statement, and its values by their names.
PreparedRead = tuple[Prepared, dict[str, Any]]


async def read_together(database: Database, owner: Owner, *reads: PreparedRead) -> list[Sequence[Row[Any]]]:
    """Returns the rows that each statement finds; those of mapped classes are in no session.

    Raises Unavailable.
    """
    if database.reader is not None and database.reader.reads_rows:
        dialect = database.engines[0].dialect
        compiled = [statement.compiled(dialect, key_of(owner), values) for statement, values in reads]
        found = await database.reader.rows([(statement.sql, values) for statement, values in compiled])
        if found is not None:
            return [statement.result(rows).all() for (statement, _), rows in zip(compiled, found, strict=True)]
    if len(reads) == 1:
        # It sees one state by itself, and may read more in a snapshot.
        with suppress(ReadTooLarge):
            return await _by_session(database.read(owner), reads)
    return await _by_session(database.snapshot(owner), reads)


async def _by_session(
    opening: AbstractAsyncContextManager[AsyncSession], reads: Sequence[PreparedRead]
) -> list[Sequence[Row[Any]]]:
    async with opening as session:
        return [(await statement.rows(session, **values)).all() for statement, values in reads]
