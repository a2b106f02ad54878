"""Drives an engine into the broker and the tables. A reply belongs to this process, never to who asked for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from models import Database, Failure, FailureCode, Status, TokenUsage
from services import runs
from services.broker import Broker, LiveReply
from services.engines import Engine, EngineError, Prompt
from services.engines.tokens import estimated_usage
from services.runs import Outcome, RunKey

logger = logging.getLogger("repartee.writer")

# Seconds between checkpoints: what a kill can lose, and a fifth of the lease.
CHECKPOINT = 1.0
# Seconds that running replies get when the server stops.
GRACE = 3.0
# Tries to store a finished reply when the database refuses, and seconds between them.
FINISH_TRIES = 5
FINISH_PAUSE = 1.0

_INTERNAL = Failure(FailureCode.INTERNAL, "Something went wrong in the server while it wrote this.", True)


@dataclass(frozen=True)
class Assignment:
    """A run that was begun: which, on which message, after which text, and how to learn the prompt.

    `build` may raise EngineError.
    """

    key: RunKey
    message_id: str
    text: str
    build: Callable[[], Awaitable[Prompt]]


class _Writing:
    """A run being written. `outcome` is set by whoever ends it before the engine does; None then: it was lost."""

    def __init__(self, assignment: Assignment, live: LiveReply) -> None:
        self.assignment = assignment
        self.live = live
        self.prompt: Prompt | None = None
        self.over = asyncio.Event()
        self.cut_short = False
        self.outcome: Outcome | None = None
        self.producing: asyncio.Task[Outcome] | None = None

    def cut(self, outcome: Outcome | None) -> None:
        """Let the engine stop now. The first to cut decides how the run ends."""
        if not self.cut_short:
            self.cut_short, self.outcome = True, outcome
            if self.producing is not None:
                self.producing.cancel()

    @property
    def text(self) -> str:
        return self.live.part(0, len(self.live))

    def usage(self) -> TokenUsage | None:
        """Estimate what the run has cost so far; None when nothing was asked yet."""
        written = self.live.part(len(self.assignment.text), len(self.live))
        return estimated_usage(self.prompt, written) if self.prompt else None


class ReplyWriter:
    def __init__(self, database: Database, broker: Broker, engine: Engine) -> None:
        self._database = database
        self._broker = broker
        self._engine = engine
        self._tasks: dict[RunKey, tuple[_Writing, asyncio.Task[None]]] = {}
        self._closing = False
        self._reaping: asyncio.Task[None] | None = None
        self.grace = GRACE
        self.checkpoint_pause = CHECKPOINT
        self.name = runs.new_writer()

    async def open(self) -> None:
        """End the runs that earlier processes left, now and whenever another process goes away."""
        await self.recover()
        self._reaping = asyncio.create_task(self._reap())

    def start(self, assignment: Assignment) -> None:
        """Write the run in a task of the process's own."""
        key = assignment.key
        live = self._broker.open(key.conversation_id, key.started, assignment.message_id, assignment.text)
        writing = _Writing(assignment, live)
        if self._closing:
            writing.cut(runs.INTERRUPTED)
        self._tasks[key] = writing, asyncio.create_task(self._write(writing))

    async def stop(self, conversation_id: str, message_id: str | None = None) -> str | None:
        """End the reply being written as STOPPED, and return its message's id once that is stored.

        With `message_id`, only that reply is stopped. None: nothing was being written.
        """
        async with self._database.read() as session:
            run = await runs.unfinished(session, conversation_id)
        if run is None or message_id not in (None, run.message_id):
            return None
        key = RunKey(run.conversation_id, run.started)
        if key in self._tasks:
            writing, task = self._tasks[key]
            writing.cut(runs.STOPPED)
            await asyncio.shield(task)
        else:
            await self._end_elsewhere(key, runs.STOPPED)
        return run.message_id

    def release(self, conversation_id: str, version: int) -> None:
        """Let go of what was begun up to the history version, because its rows were deleted."""
        for key, (writing, _) in self._tasks.items():
            if key.conversation_id == conversation_id and key.started <= version:
                writing.cut(None)

    async def recover(self) -> None:
        """End the runs that their writers left, keeping their text."""
        async with self._database.read() as session:
            if not await runs.abandoned(session, self.name):
                return
        async with self._database.write() as session:
            left = await runs.abandoned(session, self.name)
            await runs.interrupt(session, left)
        for run in left:
            self._broker.announce(run.conversation_id)

    async def close(self) -> None:
        """Give running replies a little time, then end them as INTERRUPTED with what they have."""
        self._closing = True
        if self._reaping is not None:
            self._reaping.cancel()
        if tasks := [task for _, task in self._tasks.values()]:
            await asyncio.wait(tasks, timeout=self.grace)
        for writing, _ in list(self._tasks.values()):
            writing.cut(runs.INTERRUPTED)
        await asyncio.gather(*(task for _, task in self._tasks.values()))

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(runs.LEASE.total_seconds())
            try:
                await self.recover()
            except Exception:
                logger.exception("Looking for abandoned replies failed; trying again later.")

    async def _end_elsewhere(self, key: RunKey, outcome: Outcome) -> None:
        """End a run that another process writes; that one notices at its next checkpoint."""
        async with self._database.write() as session:
            await runs.end(session, key, outcome)
        self._broker.announce(key.conversation_id)

    async def _write(self, writing: _Writing) -> None:
        keeping = asyncio.create_task(self._keep(writing))
        try:
            outcome = await self._outcome(writing)
            writing.over.set()
            await keeping
            if outcome is not None:
                await self._finish(writing, outcome)
        except Exception:
            logger.exception("The end of a reply could not be stored; it will be ended as interrupted.")
        finally:
            keeping.cancel()
            self._tasks.pop(writing.assignment.key, None)
            writing.live.close()

    async def _outcome(self, writing: _Writing) -> Outcome | None:
        if writing.cut_short:
            return writing.outcome
        writing.producing = asyncio.create_task(self._produce(writing))
        try:
            outcome = await writing.producing
        except asyncio.CancelledError:
            if not writing.cut_short:
                raise
            if writing.outcome is None:
                return None
            outcome = writing.outcome
        except EngineError as error:
            outcome = Outcome(Status.FAILED, failure=error.failure)
        except Exception:
            logger.exception("A reply failed.")
            outcome = Outcome(Status.FAILED, failure=_INTERNAL)
        return replace(
            outcome,
            usage=outcome.usage or writing.usage(),
            model=outcome.model or self._engine.default_model,
        )

    async def _produce(self, writing: _Writing) -> Outcome:
        writing.prompt = await writing.assignment.build()
        model = writing.prompt.generation.model
        async with aclosing(self._engine.reply(writing.prompt)) as pieces:
            async for piece in pieces:
                model = piece.model or model
                if piece.text:
                    writing.live.append(piece.text)
                if piece.finish is not None:
                    return Outcome(Status.COMPLETED, piece.finish, usage=piece.usage, model=model)
        raise EngineError(FailureCode.ENGINE_BROKE_OFF, "The model stopped without saying that it was done.", True)

    async def _keep(self, writing: _Writing) -> None:
        """Checkpoint until the engine is done; let go when the run was taken away."""
        stored = len(writing.assignment.text)
        while not await _set_within(writing.over, self.checkpoint_pause):
            text = writing.text if len(writing.live) != stored else None
            try:
                kept = await self._checkpoint(writing, text)
            except Exception:
                logger.exception("A checkpoint failed; the reply goes on.")
                continue
            if not kept:
                writing.cut(None)
            stored = len(text) if text is not None else stored

    async def _checkpoint(self, writing: _Writing, text: str | None) -> bool:
        assignment = writing.assignment
        async with self._database.write() as session:
            return await runs.keep(session, assignment.key, assignment.message_id, self.name, text)

    async def _finish(self, writing: _Writing, outcome: Outcome) -> None:
        for attempt in range(1, FINISH_TRIES + 1):
            try:
                async with self._database.write() as session:
                    await runs.end(session, writing.assignment.key, outcome, writing.text, self.name)
            except Exception:
                if attempt == FINISH_TRIES:
                    raise
                logger.warning("A reply could not be stored; trying again.", exc_info=True)
                await asyncio.sleep(FINISH_PAUSE)
            else:
                return


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
