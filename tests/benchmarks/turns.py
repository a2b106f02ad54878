"""Drives the local engine through the turns of one conversation, and prints a line of JSON for each.

A program of its own, so that it can run in the folder of another version: it imports nothing but the project.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from typing import Any

from app import running
from models import LOCAL_OWNER
from services import Services
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings

WORDS = (
    "sea",
    "boat",
    "light",
    "keeper",
    "sails",
    "and",
    "storm",
    "before",
    "night",
    "harbour",
    "when",
    "tells",
    "of",
)
CHARACTER = {
    "name": "Ada",
    "description": "Ada keeps the lighthouse. " * 20,
    "scenario": "A long evening at the harbour.",
    "post_history_instructions": "Answer in one short sentence.",
}
GENERATION = {"max_tokens": 16, "seed": 1}


class Timings:
    """What the engine's server tells about each reply, and when its first text came."""

    def __init__(self, engine: Any) -> None:
        self._events = engine._connection.events
        engine._connection.events = self._recorded
        self.reset()

    def reset(self) -> None:
        self.first_text: float | None = None
        self.evaluated = 0

    async def _recorded(self, response: Any) -> AsyncGenerator[str, None]:
        async for data in self._events(response):
            chunk = json.loads(data)
            choices = chunk.get("choices") or [{}]
            if self.first_text is None and choices[0].get("delta", {}).get("content"):
                self.first_text = time.perf_counter()
            self.evaluated = chunk.get("timings", {}).get("prompt_n", self.evaluated)
            yield data


async def main(turns: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None, database_url=f"sqlite+aiosqlite:///{folder}/turns.db", engine="local", wait_limit=600
        )
        async with running(settings) as services:
            await services.engine.models()
            await talk(services, turns)


async def talk(services: Services, turns: int) -> None:
    character = await services.characters.create(LOCAL_OWNER, dict(CHARACTER, generation=GENERATION))
    conversation = await services.conversations.create(LOCAL_OWNER, character.id, {})
    chance, timings = random.Random(1), Timings(services.engine)
    for turn in range(1, turns + 1):
        content = f"{turn}: " + " ".join(chance.choices(WORDS, k=chance.randint(30, 80)))
        timings.reset()
        start = time.perf_counter()
        sent = await services.replies.send(
            LOCAL_OWNER, conversation.id, content, None, ReplyOptions(ReplyMode.WAIT)
        )
        assert timings.first_text is not None, sent
        figures = {"turn": turn, "seconds": timings.first_text - start, "evaluated": timings.evaluated}
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
