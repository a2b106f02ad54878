"""Databases to copy from: full of odd rows, or with many, and what a file holds, read past the models."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from models import LOCAL_OWNER, Base, Character, Database, now
from models.base import Key
from services.settings import Settings
from tests.support.database import store
from tests.support.odd_rows import make_odd
from tests.support.owners import OTHER_OWNER, World, make_full_world, without_housekeeping

_MANY = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    INSERT INTO idempotency_keys (owner, kind, parent_id, key, digest, result, created_at)
    SELECT '00000000000070008000000000000001', 'sendMessage', '', 'key ' || i, hex(zeroblob(500)), '{}',
           '2026-11-24 20:03:07.000000' FROM n"""

_OF_THE_PROCESS = ('INSERT INTO "runs"', 'INSERT INTO "writers"')

# A bool is an integer too, and therefore comes first.
_VALUES: dict[type[TypeEngine[Any]], object] = {
    Boolean: 1,
    Integer: 2**31 - 1,
    DateTime: "1999-12-31 23:59:59.999999",
    Date: "1999-12-31",
    JSON: '{"z":1.0,  "a":"\\u0000"}',
    LargeBinary: b"\x00\xff",
    Float: 0.1,
    String: "é 😀",
}


def url_of(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


async def make_odd_world(path: Path) -> World:
    """Makes a file with all kinds of rows, some hidden and odd, and a reply that a killed process was writing.

    Returns what one of its two owners has.
    """
    settings = Settings(_env_file=None, database_url=url_of(path), engine="builtin")
    database = Database(settings.database_url)
    await database.migrate()
    services = without_housekeeping(settings, database)
    world = await make_full_world(services, database, LOCAL_OWNER, "zanzibar")
    await make_full_world(services, database, OTHER_OWNER, "lisbon")
    await store(database, Character(name="x", name_folded="x", deleting_at=now()), owner=OTHER_OWNER)
    with closing(sqlite3.connect(path)) as file:
        as_killed = [line for line in file.iterdump() if line.startswith(_OF_THE_PROCESS)]
    await make_odd(database, seed=1)
    services.writer.grace = 0
    await services.close()
    await database.close()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("DELETE FROM runs")
        for line in as_killed:
            file.execute(line)
        for table in Base.metadata.sorted_tables:
            if file.execute(f"SELECT count(*) FROM {table.name}").fetchone() == (0,):
                _add_row(file, table)
    return world


def _add_row(file: sqlite3.Connection, table: Table) -> None:
    row = {column.name: _value(file, column) for column in table.columns}
    places = ", ".join(f":{name}" for name in row)
    file.execute(f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({places})", row)


def _value(file: sqlite3.Connection, column: Column[Any]) -> object:
    """Returns what SQLite may keep in the column, by its type."""
    for key in column.foreign_keys:
        other = key.column
        (value,) = file.execute(f"SELECT {other.name} FROM {other.table.name}").fetchone()
        return value
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(column.type, Key):
        return f"{0xFEED:032x}"
    for of, value in _VALUES.items():
        if isinstance(kind, of):
            return value
    raise AssertionError(f"Say what {column} may hold.")


async def make_many(path: Path, count: int) -> None:
    """Makes a file with that many rows."""
    database = Database(url_of(path))
    await database.migrate()
    await database.close()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(_MANY, {"count": count})


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Returns every table and index with its declaration, and every row, with the types that SQLite keeps."""
    with closing(sqlite3.connect(path)) as file:
        tables = file.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        rows = {
            name: sorted(file.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name, sql in tables
            if sql is not None and sql.startswith("CREATE TABLE") and "message_trigrams" not in name
        }
    return {"declarations": tables, **rows}
