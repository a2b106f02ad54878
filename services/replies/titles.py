"""Titles that the engine gives to conversations which have none, after a reply, while it has nothing else to do.

The question continues the prompt of the reply, with the instruction last: a prompt of its own would take the place
of the conversation in the engine's prompt cache, and cost the next reply its first seconds.
"""

import asyncio
import logging
import re
from contextlib import aclosing
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, Role, Status, TitleSource, Unavailable, now
from services.broker import Broker
from services.engines import Engine, EngineError, Prompt, PromptTurn
from services.excerpts import excerpt
from services.locking import lock_conversation
from services.opening import entitle
from services.replies.writing import Writing

logger = logging.getLogger("repartee.replies")

INSTRUCTION = (
    "Leave the story for a moment. Give this conversation a title of two to six words, in the language in which "
    "it is held. Write the title alone: no quotation marks, no full stop, nothing before or after it."
)
MAX_TOKENS = 24
MAX_LENGTH = 60
_SURROUNDING = " \t\"'“”„‚‘’«»*_#.:;,-–—"
# Some models reason aloud first; without an end there is no title yet.
_REASONING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_LABELS = ("title", "titel", "titre", "título", "titolo")


class TitleWriter:
    def __init__(self, database: Database, broker: Broker, engine: Engine, is_enabled: bool) -> None:
        self._database = database
        self._broker = broker
        self._engine = engine
        self._is_enabled = is_enabled
        self._tasks: set[asyncio.Task[None]] = set()

    def after(self, writing: Writing) -> None:
        """Begins to look for a title of the conversation whose reply was written, if it may need one."""
        if self._is_enabled and _is_worth_a_title(writing):
            task = asyncio.create_task(self._give_title(writing))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def make_way(self) -> None:
        """Lets a reply have the engine at once; the conversation gets its title after another reply."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        self.make_way()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _give_title(self, writing: Writing) -> None:
        try:
            if await self._needs_title(writing):
                title = title_in(await self._answer(writing))
                if title:
                    await self._store(writing, title)
        except (EngineError, Unavailable) as error:
            logger.info("A conversation got no title: %s", error)
        except Exception:
            logger.exception("A conversation got no title.")

    async def _needs_title(self, writing: Writing) -> bool:
        async with self._database.read(writing.assignment.owner) as session:
            conversation = await session.get(Conversation, writing.assignment.key.conversation_id)
        return conversation is not None and conversation.title_source is TitleSource.DEFAULT

    async def _answer(self, writing: Writing) -> str:
        parts = []
        async with aclosing(self._engine.reply(_question(writing))) as pieces:
            async for piece in pieces:
                parts.append(piece.text)
        return "".join(parts)

    async def _store(self, writing: Writing, title: str) -> None:
        async def work(session: AsyncSession) -> None:
            conversation = await lock_conversation(session, writing.assignment.key.conversation_id)
            # Whoever has named the conversation meanwhile is right.
            if conversation.title_source is TitleSource.DEFAULT:
                entitle(conversation, title, TitleSource.GENERATED)
                conversation.version += 1
                conversation.updated_at = now()
                self._broker.changed(session, conversation.id)

        await self._database.write(writing.assignment.owner, work)


def title_in(answer: str) -> str:
    """Returns the title in a model's answer; empty when there is none."""
    said = _REASONING.sub("", answer)
    lines = [line for line in said.splitlines() if line.strip(_SURROUNDING).lower() not in ("", *_LABELS)]
    line = next(iter(lines), "")
    before, _, after = line.partition(":")
    if before.strip(_SURROUNDING).lower() in _LABELS:
        line = after
    return excerpt(line, MAX_LENGTH).strip(_SURROUNDING)


def _is_worth_a_title(writing: Writing) -> bool:
    if writing.prompt is None or writing.outcome is None or writing.outcome.status is not Status.COMPLETED:
        return False
    return any(turn.role is Role.USER for turn in writing.prompt.turns)


def _question(writing: Writing) -> Prompt:
    prompt = writing.prompt
    assert prompt is not None
    # A continued reply stands in its prompt as far as it had come.
    said = prompt.turns[:-1] if prompt.continues else prompt.turns
    turns = [*said, PromptTurn(Role.ASSISTANT, writing.text), PromptTurn(Role.USER, INSTRUCTION)]
    generation = replace(prompt.generation, max_tokens=MAX_TOKENS, temperature=0.3, stop=None)
    return replace(prompt, turns=turns, generation=generation, continues=False)
