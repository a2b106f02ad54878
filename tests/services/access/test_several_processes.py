"""Processes that share a database make the same row at the same time: one makes it, and the others find it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select

from models import Database, ExternalIdentity, User
from services.access.accounts import Accounts
from services.access.errors import TooManyAttempts
from services.access.grants import Grants
from services.access.outsiders import Outsiders
from services.access.throttle import FREE_FAILURES, Throttle
from services.settings import Settings


@pytest.fixture
async def several(settings: Settings, database: Database) -> AsyncIterator[list[Accounts]]:
    databases = [Database(settings.database_url) for _ in range(3)]
    yield [Accounts(one, Grants()) for one in databases]
    for one in databases:
        await one.close()


async def test_the_local_user_is_made_once(several: list[Accounts]) -> None:
    await asyncio.gather(*(accounts.open() for accounts in several))
    async with several[0].read() as session:
        assert await session.scalar(select(func.count(User.id))) == 1


async def test_attempts_are_counted_together(several: list[Accounts]) -> None:
    begun = [Throttle(accounts).begin("ada", "192.0.2.0/24") for accounts in several * 4]
    results = await asyncio.gather(*begun, return_exceptions=True)
    refused = [one for one in results if isinstance(one, TooManyAttempts)]
    assert len(refused) == len(results) - FREE_FAILURES
    assert all(isinstance(one, str | TooManyAttempts) for one in results)


async def test_a_user_from_outside_is_made_once(several: list[Accounts], settings: Settings) -> None:
    seen = await asyncio.gather(*(Outsiders(one, settings).by_proxy("ada") for one in several * 4))
    assert len({caller.owner for caller in seen}) == 1
    async with several[0].read() as session:
        assert await session.scalar(select(func.count()).select_from(ExternalIdentity)) == 1
        assert list(await session.scalars(select(User.name))) == ["ada"]
