"""Databases of PostgreSQL for tests: making and dropping one takes long, so they are emptied and used again."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from models import Database
from tests.support.postgres_server import server_url

# Like most, a database of the tests orders texts by a language.
_LOCALE = "LOCALE_PROVIDER icu ICU_LOCALE 'en'"
# All tables but that of the revision are emptied.
_TABLES = """
    SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'"""
# What a test may have changed besides rows: then the database is not used again.
_SHAPE = """
    SELECT (SELECT string_agg(relname || relnatts, ',' ORDER BY relname) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace)
        || (SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint)
        || (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal)
        || (SELECT string_agg(version_num, ',') FROM alembic_version)"""

_made: list[str] = []
_free: list[str] = []
_template: list[str] = []
_shape: list[str] = []


@asynccontextmanager
async def connected(database: str = "postgres") -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url_of(database))
    try:
        yield connection
    finally:
        await connection.close()


def url_of(name: str) -> str:
    return f"{server_url()}/{name}"


async def make_database(template: str = "template0") -> str:
    """Make a database, and return its URL."""
    name = f"repartee_test_{uuid.uuid4().hex[:12]}"
    async with connected() as server:
        locale = _LOCALE if template == "template0" else ""
        await server.execute(f"CREATE DATABASE {name} TEMPLATE {template} {locale}")
    _made.append(name)
    return url_of(name)


async def take() -> str:
    """Return the URL of a database that has all tables, and no rows."""
    if _free:
        return url_of(_free.pop())
    if not _template:
        await _make_template()
    return await make_database(_template[0])


async def _make_template() -> None:
    url = await make_database()
    database = Database(url)
    await database.migrate()
    await database.close()
    name = url.rpartition("/")[2]
    async with connected(name) as connection:
        _shape.append(await connection.fetchval(_SHAPE))
    _template.append(name)


async def cut(database: Database) -> None:
    """End all connections to the database."""
    await _cut(str(database.url.database))


async def _cut(name: str) -> None:
    async with connected() as server:
        await server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)


async def give_back(url: str) -> None:
    """Empty a database for the next test, or drop it if its tables are not what they were."""
    name = url.rpartition("/")[2]
    await _cut(name)
    try:
        async with asyncio.timeout(30), connected(name) as connection:
            is_good = await connection.fetchval(_SHAPE) == _shape[0]
            if is_good:
                await connection.execute(f"TRUNCATE {await connection.fetchval(_TABLES)} RESTART IDENTITY")
    except asyncpg.UndefinedTableError:
        is_good = False
    if is_good:
        _free.append(name)
    else:
        await drop(name)


async def drop(name: str) -> None:
    async with connected() as server:
        await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _made.remove(name)


async def drop_all() -> None:
    for name in list(_made):
        await drop(name)
