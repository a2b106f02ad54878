"""Fixtures: a fake provider, and engines that are connected to it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from services.engines.connection import Patience
from services.engines.openai import OpenAIEngine, Provider
from tests.services.engines.provider import FakeProvider

KEY = "sk-very-secret"


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    provider = FakeProvider()
    await provider.start()
    yield provider
    await provider.close()


@pytest.fixture
async def make_engine(provider: FakeProvider) -> AsyncIterator[Callable[..., OpenAIEngine]]:
    """Factory of engines for the fake provider; they retry without a pause."""
    made: list[OpenAIEngine] = []

    def make(max_replies: int = 4, timeout: float = 30, **known: Any) -> OpenAIEngine:
        about = {"url": provider.url, "key": KEY, "model": "tale-1", **known}
        made.append(OpenAIEngine("for a test", Provider(**about), max_replies, Patience(timeout, (0, 0))))
        return made[-1]

    yield make
    for engine in made:
        await engine.close()


@pytest.fixture
def engine(make_engine: Callable[..., OpenAIEngine]) -> OpenAIEngine:
    return make_engine()
