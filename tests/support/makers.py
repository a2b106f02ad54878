"""What tests are made of: an engine that says what it is told, and rows with as little as they need."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from models import LOCAL_OWNER, Character, Conversation, FinishReason, TokenUsage
from services import Services
from services.engines import EngineError, Model, Piece, Prompt, TokenCounter
from services.engines.tokens import Estimator


class TestEngine:
    """Writes what `say` gives it, when it gives it; prompts and endings can be looked at."""

    __test__ = False
    name = "test"
    reason = "a test runs"
    prompt_limit = 2000
    tokens: TokenCounter = Estimator()
    default_model = "test-model"

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.closed = 0
        self._said: asyncio.Queue[str | FinishReason | EngineError] = asyncio.Queue()

    def say(self, *parts: str | FinishReason | EngineError) -> None:
        """Queue what is written next: texts, then how the reply ends."""
        for part in parts:
            self._said.put_nowait(part)

    def answer(self, *texts: str) -> None:
        """Queue a whole reply."""
        self.say(*texts, FinishReason.END)

    async def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        self.prompts.append(prompt)
        try:
            while True:
                part = await self._said.get()
                if isinstance(part, EngineError):
                    raise part
                if isinstance(part, FinishReason):
                    yield Piece(finish=part, usage=TokenUsage(7, 3, False), model="test-model")
                    return
                yield Piece(part)
        finally:
            self.closed += 1

    async def models(self) -> Sequence[Model]:
        return [Model("test-model", is_default=True, context_length=2048)]

    async def close(self) -> None:
        pass


async def make_character(services: Services, name: str = "Ada", **fields: Any) -> Character:
    return await services.characters.create(LOCAL_OWNER, {"name": name, **fields})


async def make_conversation(services: Services, character: Character | None = None, **fields: Any) -> Conversation:
    character = character or await make_character(services)
    return await services.conversations.create(LOCAL_OWNER, character.id, fields)


async def make_history(services: Services, *contents: str, character: Character | None = None) -> Conversation:
    """Open a conversation in which user and character have said `contents` in turn."""
    conversation = await make_conversation(services, character)
    roles = ("user", "assistant")
    history = [{"role": roles[index % 2], "content": content} for index, content in enumerate(contents)]
    return await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, history)


async def until(condition: Any, patience: float = 20) -> None:
    """Wait until the condition, which may be a coroutine function, holds."""
    async with asyncio.timeout(patience):
        while True:
            met = condition()
            if await met if asyncio.iscoroutine(met) else met:
                return
            await asyncio.sleep(0.005)
