"""How a reply begins: one transaction for what was said and the run, then the process writes and may wait."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Generation, Message, Role, Run, new_key
from services import conversations, cursors, requests, runs, tree
from services.broker import Broker
from services.cursors import Cursor
from services.engines import Engine, Prompt
from services.engines.tokens import estimate
from services.errors import ReplyInProgress
from services.generations import generation_with
from services.messages import as_now
from services.prompting import Names, Scene, build_prompt
from services.runs import RunKey
from services.settings import Settings
from services.streams import StreamService
from services.writer import Assignment, ReplyWriter

T = TypeVar("T")

# Messages read at once while a prompt is filled from the newest back.
_HISTORY_PAGE = 100


class ReplyMode(StrEnum):
    WAIT = "WAIT"
    BACKGROUND = "BACKGROUND"
    NONE = "NONE"


class BusyPolicy(StrEnum):
    REJECT = "REJECT"
    STOP = "STOP"


@dataclass(frozen=True)
class ReplyWish:
    """How a reply is wanted."""

    reply_mode: ReplyMode = ReplyMode.WAIT
    if_busy: BusyPolicy = BusyPolicy.REJECT
    generation: Mapping[str, Any] | None = None
    idempotency_key: str | None = None

    def settings(self) -> Generation:
        return generation_with(Generation(), self.generation or {})


@dataclass(frozen=True)
class Exchange:
    """What was said, and the reply to it; `stream_cursor` stands just before the reply's first event."""

    conversation: Conversation | None
    message: Message | None = None
    reply: Message | None = None
    stream_cursor: str | None = None


@dataclass(frozen=True)
class Turn:
    """What an operation changed: what was said, and below what a reply belongs, or which one goes on."""

    message: Message | None = None
    parent: Message | None = None
    continued: Message | None = None
    answered: bool = True


@dataclass(frozen=True)
class Asked:
    """A request for a reply: where, how, what for (for the idempotency key), and what it changes first."""

    owner: str
    conversation_id: str
    wish: ReplyWish
    what: tuple[Any, ...]
    act: Callable[[AsyncSession, Conversation], Awaitable[Turn]]

    def once(self) -> requests.Once:
        return requests.Once(self.conversation_id, self.wish.idempotency_key, *self.what, self.wish.generation)


class Exchanges:
    def __init__(
        self,
        database: Database,
        broker: Broker,
        engine: Engine,
        writer: ReplyWriter,
        streams: StreamService,
        settings: Settings,
    ) -> None:
        self._database = database
        self._broker = broker
        self._engine = engine
        self._writer = writer
        self._streams = streams
        self._settings = settings
        self._working: set[asyncio.Task[Any]] = set()

    async def begin(self, asked: Asked) -> Exchange:
        """Store what was said and begin the reply; wait for its end if that is wanted."""
        exchange, run = await self.whole(self._begin(asked))
        if run is None or asked.wish.reply_mode is not ReplyMode.WAIT:
            return exchange
        try:
            async with asyncio.timeout(self._settings.wait_limit):
                await self._streams.until_final(asked.conversation_id, run)
        except TimeoutError:
            pass
        return await self.as_it_is(exchange)

    async def as_it_is(self, exchange: Exchange) -> Exchange:
        """Read the exchange's rows again."""
        async with self._database.read() as session:
            conversation = exchange.conversation and await session.get(Conversation, exchange.conversation.id)
            message = exchange.message and await session.get(Message, exchange.message.id)
            reply = exchange.reply and await session.get(Message, exchange.reply.id)
        return replace(
            exchange, conversation=conversation, message=message, reply=reply and as_now(self._broker, reply)
        )

    async def whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work to its end, also when who asked for it leaves."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    async def close(self) -> None:
        await asyncio.gather(*self._working, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._working.discard(task)
        # Where nobody waits any more, nobody else takes the exception.
        _ = task.cancelled() or task.exception()

    async def _begin(self, asked: Asked) -> tuple[Exchange, int | None]:
        once = asked.once()
        while True:
            try:
                return await self._begin_now(asked, once)
            except ReplyInProgress:
                if asked.wish.if_busy is BusyPolicy.REJECT:
                    raise
            await self._writer.stop(asked.conversation_id)

    async def _begin_now(self, asked: Asked, once: requests.Once) -> tuple[Exchange, int | None]:
        settings, assignment = asked.wish.settings(), None
        async with self._database.write() as session:
            conversation = await conversations.get(session, asked.owner, asked.conversation_id)
            if known := await once.done_before(session):
                return await _again(session, conversation, known)
            await refuse_when_busy(session, conversation)
            turn = await asked.act(session, conversation)
            character = await session.get_one(Character, conversation.character_id)
            if turn.message is not None:
                runs.touch(conversation, character)
            run: Run | None = None
            reply: Message | None = None
            if turn.answered and asked.wish.reply_mode is not ReplyMode.NONE:
                reply = turn.continued or await _new_reply(session, conversation, turn.parent)
                run = await runs.begin(session, conversation, reply, self._writer.name)
                assignment = self._assignment(reply, run, settings)
            message_id, reply_id = turn.message and turn.message.id, reply and reply.id
            once.remember(session, {"message": message_id, "reply": reply_id, "run": run and run.started})
        if assignment is not None:
            self._writer.start(assignment)
        self._broker.announce(conversation.id)
        started = run.started if run is not None else None
        return _exchange(conversation, turn.message, reply, started), started

    def _assignment(self, reply: Message, run: Run, settings: Generation) -> Assignment:
        key = RunKey(run.conversation_id, run.started)
        return Assignment(key, reply.id, reply.content, partial(self._prompt, reply, settings))

    async def _prompt(self, reply: Message, settings: Generation) -> Prompt:
        """Read what the engine is to know. A reply that has text already is to be continued."""
        continues = bool(reply.content)
        limit = self._engine.prompt_limit
        async with self._database.snapshot() as session:
            conversation = await session.get_one(Conversation, reply.conversation_id)
            character = await session.get_one(Character, conversation.character_id)
            history = await _newest(session, conversation.id, reply.position + continues, limit)
        scene = Scene(character, conversation, Names(character.name, self._settings.user_name))
        generation = settings.over(conversation.generation).over(character.generation)
        return build_prompt(scene, history, limit, generation, continues)


async def refuse_when_busy(session: AsyncSession, conversation: Conversation) -> None:
    """Raise ReplyInProgress when a reply is being written in the conversation."""
    if run := await runs.unfinished(session, conversation.id):
        raise ReplyInProgress(await session.get_one(Message, run.message_id))


async def _new_reply(session: AsyncSession, conversation: Conversation, parent: Message | None) -> Message:
    reply = Message(id=new_key("msg"), role=Role.ASSISTANT, speaker_id=conversation.character_id, content="")
    await tree.place(session, conversation, parent, reply)
    return reply


async def _again(
    session: AsyncSession, conversation: Conversation, known: dict[str, Any]
) -> tuple[Exchange, int | None]:
    """Answer a request that was done before with what it did, as far as that still exists."""
    message = await session.get(Message, known["message"]) if known["message"] else None
    reply = await session.get(Message, known["reply"]) if known["reply"] else None
    run = known["run"] if reply is not None else None
    return _exchange(conversation, message, reply, run), run


def _exchange(
    conversation: Conversation, message: Message | None, reply: Message | None, run: int | None
) -> Exchange:
    cursor = None if run is None else cursors.encode(conversation.id, Cursor(run - 1))
    return Exchange(conversation, message, reply, cursor)


async def _newest(session: AsyncSession, conversation_id: str, end: int, limit: int) -> list[Message]:
    """Return what is not hidden before the position, newest first: as much as `limit` tokens, or more."""
    found: list[Message] = []
    path = select(Message).where(Message.conversation_id == conversation_id, Message.active, ~Message.hidden)
    while end > 0 and limit > 0:
        start = max(end - _HISTORY_PAGE, 0)
        page = path.where(Message.position >= start, Message.position < end)
        rows = (await session.scalars(page.order_by(Message.position.desc()))).all()
        found += rows
        limit -= sum(estimate(row.content) for row in rows)
        end = start
    return found
