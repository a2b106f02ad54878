"""A server for the chat page, whose engine does what the last message tells it to."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from models import LOCAL_OWNER, Database, FailureCode, FinishReason, Role
from services.engines import EngineError, Piece, Prompt
from services.settings import Settings
from services.welcome import welcome
from tests.conftest import opened, serving
from tests.support.client import Client
from tests.support.makers import TestEngine

PIECE = 30


class ObedientEngine(TestEngine):
    """`write 2000` gets so many characters, `hold` a beginning without an end, `fail` an error; else an echo."""

    def __init__(self) -> None:
        super().__init__()
        self._replies = 0

    async def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        self._replies += 1
        said = next((turn.content for turn in reversed(prompt.turns) if turn.role is Role.USER), "")
        match said.split()[:2]:
            case ["fail", *_]:
                raise EngineError(FailureCode.ENGINE_UNAVAILABLE, "The model is asleep. Wake it.", True)
            case ["hold", *_] if not prompt.continues:
                yield Piece("I hold on to this")
                await asyncio.Event().wait()
            case ["write", length] if length.isdigit():
                text = "".join(f"Line {number} of a long text.\n\n" for number in range(int(length) // 24))
            case _:
                text = f" and on it goes, part {self._replies}." if prompt.continues else self._echo(said)
        for piece in re.findall(rf"(?s).{{1,{PIECE}}}", text):
            yield Piece(piece)
            await asyncio.sleep(0.004)
        yield Piece(finish=FinishReason.END, model="test-model")

    def _echo(self, said: str) -> str:
        return f"*nods, reply {self._replies}* “I heard you,” she says. It was this: {said[:60]}"


@pytest.fixture
async def obedient(settings: Settings, database: Database) -> AsyncIterator[Client]:
    async with talkative(settings, database) as client:
        yield client


@asynccontextmanager
async def talkative(settings: Settings, database: Database) -> AsyncIterator[Client]:
    async with opened(settings, database, ObedientEngine()) as services:
        await welcome(services.characters, services.conversations, LOCAL_OWNER)
        async with serving(services) as client:
            yield client
