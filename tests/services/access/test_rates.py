"""Rates of operations: in memory and in Redis alike, and what happens without Redis."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from services.access.rates import Rate, Rates
from services.access.shared_rates import SharedRate
from tests.support import redis


@dataclass(frozen=True)
class Shared:
    """Makes rates that count together, by keys that are deleted in the end."""

    url: str
    prefix: str

    def rate(self, limit: int) -> SharedRate:
        return SharedRate(limit, self.url, self.prefix)


@pytest.fixture
async def shared() -> AsyncIterator[Shared]:
    with redis.available() as url:
        shared = Shared(url, f"test_{uuid.uuid4().hex[:10]}:")
        yield shared
        async with Redis.from_url(url) as client:
            for key in await client.keys(f"{shared.prefix}*"):
                await client.delete(key)


@pytest.fixture(params=["memory", "redis"])
async def rate(request: pytest.FixtureRequest, shared: Shared) -> AsyncIterator[Rates]:
    rate = shared.rate(600) if request.param == "redis" else Rate(600)
    yield rate
    await rate.close()


async def test_a_minutes_worth_passes_at_once_and_then_the_rate(rate: Rates) -> None:
    passed = 0
    while not (seconds := await rate.seconds_to_wait("a")):
        passed += 1
    # One more for each tenth of a second that it took.
    assert 600 <= passed < 660
    assert 0 < seconds <= 0.1
    assert await rate.seconds_to_wait("b") == 0
    await asyncio.sleep(seconds + 0.01)
    assert await rate.seconds_to_wait("a") == 0


async def test_processes_share_what_redis_counts(shared: Shared) -> None:
    one, other = shared.rate(10), shared.rate(10)
    waits = [await rate.seconds_to_wait("a") for _ in range(6) for rate in (one, other)]
    assert [seconds > 0 for seconds in waits] == [False] * 10 + [True] * 2
    await asyncio.gather(one.close(), other.close())


async def test_without_redis_each_process_counts_alone() -> None:
    rate = SharedRate(3, "redis://127.0.0.1:1", "test:")
    assert [await rate.seconds_to_wait("a") > 0 for _ in range(4)] == [False] * 3 + [True]
    await rate.close()
