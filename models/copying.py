"""Copying every row of one database into another that is empty: in one transaction, and read back in it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NoReturn

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    MetaData,
    Row,
    Table,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
    tuple_,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from models.base import Base, Key, Moment
from models.database import Database
from models.migrations import HEAD, revision_of, upgrade
from models.ownership import everyone

# Rows that are in memory at once, and rows being stored meanwhile.
BATCH = 1000
# Digests of rows are added up, because the two databases have them in different orders.
_DIGEST_BYTES = 16
_DIGESTS = 1 << (8 * _DIGEST_BYTES)

# Shows how many rows are done; and opens such a display, for a label and all rows.
Tick = Callable[[int], object]
Progress = Callable[[str, int], AbstractContextManager[Tick]]


class CopyError(Exception):
    """Nothing was copied; the text says why in one sentence, and what to do."""


@dataclass(frozen=True)
class CopiedTable:
    """`digest` is the same for the same rows, in whatever order and database they are."""

    name: str
    rows: int
    digest: str


async def copy(source: Database, target: Database, progress: Progress) -> list[CopiedTable]:
    """Copies all rows, those that are hidden from their owners among them, and returns what each table has got.

    Whoever looks at the target sees all of them or none. Raises CopyError, Unavailable and DBAPIError.
    """
    target.prepare()
    async with source.snapshot(everyone()) as snapshot:
        reading = await snapshot.connection()
        await _check_revision(reading)

        async def work(session: AsyncSession) -> list[CopiedTable]:
            writing = await session.connection()
            await _make_empty_tables(writing)
            restoring = await target.prepare_for_bulk(writing)
            tables = await _copy_rows(reading, writing, progress)
            for statement in restoring:
                await writing.exec_driver_sql(statement)
            return tables

        try:
            return await target.write(everyone(), work)
        except IntegrityError as error:
            raise CopyError(f"The rows do not fit together: {error.orig}.") from error


async def _check_revision(reading: AsyncConnection) -> None:
    revision = await reading.run_sync(revision_of)
    if revision is None:
        raise CopyError("There is nothing to copy: the database has no tables of Repartee.")
    if revision > HEAD:
        raise CopyError("The database was written by a newer version of Repartee; copy it with that one.")
    if revision < HEAD:
        raise CopyError(
            "The tables are of an older version of Repartee; run `app.py migrate` on the database first."
        )


async def _make_empty_tables(writing: AsyncConnection) -> None:
    is_new = await writing.run_sync(upgrade)
    for table in reversed(Base.metadata.sorted_tables):
        if is_new:
            # Rows that a migration has made come from the source, as they are there.
            await writing.execute(table.delete())
        elif await writing.scalar(select(select(table).exists())):
            raise CopyError(f"The target is not empty: its table {table.name} has rows. Name an empty database.")


async def _copy_rows(reading: AsyncConnection, writing: AsyncConnection, progress: Progress) -> list[CopiedTable]:
    tables = [_as_stored(table) for table in Base.metadata.sorted_tables]
    size = 0
    for table in tables:
        size += await reading.scalar(select(func.count()).select_from(table)) or 0
    with progress("Copying", size) as tick:
        sent = await _digested(reading, tables, tick, writing)
    with progress("Comparing", size) as tick:
        stored = await _digested(writing, tables, tick)
    for one, other in zip(sent, stored, strict=True):
        if one != other:
            raise CopyError(f"The rows of the table {one.name} are not the same in both databases.")
    return stored


async def _digested(
    reading: AsyncConnection, tables: Sequence[Table], tick: Tick, writing: AsyncConnection | None = None
) -> list[CopiedTable]:
    """Reads all rows of the tables, and stores them too if there is somewhere to write."""
    copied, done = [], 0
    for table in tables:
        digest = count = 0
        async with aclosing(_batches(reading, table)) as batches:
            async for batch in batches:
                if writing is not None:
                    await _store(writing, table, batch)
                digest = (digest + sum(map(_digest, batch))) % _DIGESTS
                count += len(batch)
                tick(done + count)
        done += count
        copied.append(CopiedTable(table.name, count, f"{digest:0{2 * _DIGEST_BYTES}x}"))
    return copied


def _digest(row: Row[Any]) -> int:
    return int.from_bytes(blake2b(repr(tuple(row)).encode(), digest_size=_DIGEST_BYTES).digest())


async def _batches(reading: AsyncConnection, table: Table) -> AsyncGenerator[Sequence[Row[Any]], None]:
    """Yields all rows, in the order of the primary key; the next ones are read while those are used."""
    key = [column for column in table.columns if column.primary_key]
    places = [table.columns.values().index(column) for column in key]
    query = select(table).order_by(*key).limit(BATCH)
    following = asyncio.create_task(_rows(reading, query))
    try:
        while rows := await following:
            last = [literal(rows[-1][place], column.type) for place, column in zip(places, key, strict=True)]
            following = asyncio.create_task(_rows(reading, query.where(tuple_(*key) > tuple_(*last))))
            yield rows
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _rows(reading: AsyncConnection, query: Any) -> Sequence[Row[Any]]:
    return (await reading.execute(query)).all()


async def _store(writing: AsyncConnection, table: Table, rows: Sequence[Row[Any]]) -> None:
    names = [column.name for column in table.columns]
    try:
        await writing.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        _explain(error, table, rows)


def _explain(error: DBAPIError, table: Table, rows: Sequence[Row[Any]]) -> NoReturn:
    """Raises CopyError that names the row which the target cannot keep, where that can be told."""
    for row in rows:
        for column, value in zip(table.columns, row, strict=True):
            if isinstance(value, str) and "\0" in value:
                key = ", ".join(str(row[table.columns.values().index(part)]) for part in table.primary_key)
                raise CopyError(
                    f"The {column.name} of {key} in the table {table.name} has a NUL character, which PostgreSQL "
                    "cannot keep. Take it out and copy again."
                ) from error
    raise CopyError(f"A row of the table {table.name} cannot be kept: {error.orig}.") from error


class _Raw(UserDefinedType[str]):
    """JSON as the text that it is kept as."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        # The driver of PostgreSQL would read JSON, and forget how it was written.
        return cast(column, Text)


def _as_stored(table: Table) -> Table:
    """Returns the table with columns whose values are copied as they are kept, and not as the models read them."""
    columns = (Column(one.name, _kept(one.type), primary_key=one.primary_key) for one in table.columns)
    return Table(table.name, MetaData(), *columns)


def _kept(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    # Ids and moments are the same values in other forms. The other types read some values as different ones.
    if isinstance(type_, TypeDecorator) and not isinstance(type_, Key | Moment):
        type_ = type_.impl_instance
    return _Raw() if isinstance(type_, JSON) else type_
