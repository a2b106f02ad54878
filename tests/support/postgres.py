"""Databases of PostgreSQL for tests: a copy of one that was migrated once."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from models import Database

# Where the server is, for a role that may make databases; the path is a database to connect to first.
SERVER = os.environ.get("REPARTEE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


_LOCALE = "LOCALE_PROVIDER icu ICU_LOCALE 'en'"


@asynccontextmanager
async def connected() -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(SERVER)
    try:
        yield connection
    finally:
        await connection.close()


async def require() -> None:
    """Skip where no PostgreSQL answers."""
    try:
        async with connected():
            pass
    except OSError:
        pytest.skip("there is no PostgreSQL on this machine; set REPARTEE_TEST_POSTGRES to its URL")


def url_of(name: str) -> str:
    return f"{SERVER.rpartition('/')[0]}/{name}"


async def make_template() -> str:
    """Make a database with all tables, and return its name. Like most, it orders texts by a language."""
    name = f"repartee_template_{uuid.uuid4().hex[:12]}"
    async with connected() as server:
        await server.execute(f"CREATE DATABASE {name} TEMPLATE template0 {_LOCALE}")
    database = Database(url_of(name))
    await database.migrate()
    await database.close()
    return name


async def make_database(template: str) -> str:
    """Make a copy of the template, and return its URL."""
    name = f"repartee_test_{uuid.uuid4().hex[:12]}"
    async with connected() as server:
        await server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return url_of(name)


async def drop(name: str) -> None:
    async with connected() as server:
        await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
