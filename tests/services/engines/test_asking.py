"""The cached question for an engine's models: shared, renewed, and never the answer of a failure."""

import asyncio
from collections.abc import Sequence

import pytest

from models import FailureCode
from services.engines import EngineError, Model, asking
from services.engines.asking import Models
from tests.support.makers import TestEngine


class Asked(TestEngine):
    def __init__(self) -> None:
        super().__init__()
        self.times = 0
        self.fails = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def models(self) -> Sequence[Model]:
        self.times += 1
        await self.answering.wait()
        if self.fails:
            raise EngineError(FailureCode.ENGINE_UNAVAILABLE, "Away.", retryable=True)
        return await super().models()


async def test_an_answer_holds_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Asked()
    models = Models(engine)
    first, second = await models.all(), await models.all()
    assert (engine.times, first) == (1, second)
    monkeypatch.setattr(asking, "FRESH", 0)
    await asyncio.sleep(0.01)
    await models.all()
    assert engine.times == 2


async def test_a_failure_is_not_kept() -> None:
    engine = Asked()
    models, engine.fails = Models(engine), True
    with pytest.raises(EngineError):
        await models.all()
    engine.fails = False
    assert [model.name for model in await models.all()] == ["test-model"]


async def test_one_who_leaves_takes_the_answer_from_nobody() -> None:
    engine = Asked()
    engine.answering.clear()
    models = Models(engine)
    leaving, waiting = asyncio.create_task(models.all()), asyncio.create_task(models.all())
    await asyncio.sleep(0)
    leaving.cancel()
    engine.answering.set()
    assert len(await waiting) == engine.times == 1


async def test_closing_ends_a_question_that_is_not_answered() -> None:
    engine = Asked()
    engine.answering.clear()
    models = Models(engine)
    waiting = asyncio.create_task(models.all())
    await asyncio.sleep(0)
    await models.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
