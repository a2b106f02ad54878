"""Changes to the database past the services, as another process or an older version would make them."""

from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncSession

from models import Base, Database, everyone


async def execute(database: Database, *statements: Executable) -> None:
    """Executes statements in one transaction that sees every owner's rows."""

    async def work(session: AsyncSession) -> None:
        for statement in statements:
            await session.execute(statement)

    await database.write(everyone(), work)


async def store(database: Database, *rows: Base, owner: Any = None) -> None:
    """Stores rows, each after the one before, in one transaction."""

    async def work(session: AsyncSession) -> None:
        for row in rows:
            session.add(row)
            await session.flush()

    await database.write(everyone() if owner is None else owner, work)
