"""Writes replies: drives the engine into the broker and the tables.

A reply belongs to this process, never to the request that asked for it.
"""

import asyncio
import logging
import time
from contextlib import aclosing, suppress
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from models import Database, Failure, FailureCode, FinishReason, Status, Unavailable, after_commit, everyone
from services import runs
from services.broker import Broker
from services.engines import Engine, EngineError, Prompt
from services.measures import Measures
from services.replies import leases
from services.replies.checkpoints import Checkpoints
from services.replies.prompts import ReplyDeleted
from services.replies.titles import TitleWriter
from services.replies.writing import Assignment, Writing
from services.runs import Outcome, RunKey
from services.settings import Settings
from services.usage import UsageService

logger = logging.getLogger("repartee.replies")

# Seconds that the ends of replies get to be stored when the server stops.
LAST_STORE_SECONDS = 5.0
# Seconds before an end that the database refused is tried again.
RETRY_SECONDS = 1.0

_INTERNAL = Failure(
    FailureCode.INTERNAL, "Something went wrong in the server while it wrote this.", retryable=True
)


class ReplyWriter:
    def __init__(
        self,
        database: Database,
        broker: Broker,
        engine: Engine,
        titles: TitleWriter,
        usage: UsageService,
        settings: Settings,
    ) -> None:
        self.usage = usage
        self._database = database
        self._broker = broker
        self._engine = engine
        self._titles = titles
        self._max_reply_length = settings.max_message_length
        self._writings: dict[RunKey, Writing] = {}
        self._tasks: dict[RunKey, asyncio.Task[None]] = {}
        self._ended_early: set[RunKey] = set()
        self._closing = False
        self._is_over = False
        self._checkpointing: asyncio.Task[None] | None = None
        self.name = leases.new_writer_name()
        self._lease = leases.Lease(self.name)
        self.measures = Measures()
        self.checkpoints = Checkpoints(database, self._lease, self._writings, self.measures)
        self.grace = settings.grace
        self.retry_pause = RETRY_SECONDS

    def open(self) -> None:
        self._checkpointing = asyncio.create_task(self.checkpoints.run())

    @property
    def keys(self) -> set[RunKey]:
        """The runs that are being written, or whose end is not stored yet."""
        return set(self._writings)

    async def hold_lease(self, session: AsyncSession) -> None:
        """Makes sure that a run which is begun in the session's transaction has a lease. Comes last in it."""
        await self._lease.hold(session)

    def start_after_commit(self, session: AsyncSession, assignment: Assignment) -> None:
        """Begins to write the run, in a task of the process's own, once it is committed."""
        after_commit(session, partial(self._start, assignment))

    def end(self, key: RunKey, outcome: Outcome) -> tuple[Outcome, str] | None:
        """Stops the engine at once. Returns how the run ends, and its text, for the caller to store.

        The outcome is another one if the reply had ended already. None: another process writes the run. If the
        caller's transaction fails, this writer stores the end.
        """
        writing = self._writings.get(key)
        if writing is None:
            self._ended_early.add(key)
            return None
        return writing.end(outcome), writing.text

    async def until_written(self, key: RunKey) -> bool:
        """Returns once the run has ended and its end is stored; False at once if another process writes it."""
        task = self._tasks.get(key)
        if task is None:
            return False
        await asyncio.wait([task])
        return True

    async def close(self) -> None:
        """Gives replies a little time, then ends them as INTERRUPTED with the text they have.

        Those that begin meanwhile get what is left of it.
        """
        self._closing = True
        await self._titles.close()
        await self._wait_for_tasks(self.grace)
        self._is_over = True
        for writing in list(self._writings.values()):
            writing.end(runs.INTERRUPTED)
        await self._wait_for_tasks(LAST_STORE_SECONDS)
        if self._tasks:
            logger.error("The ends of %d replies could not be stored; the next start ends them.", len(self._tasks))
        tasks = [*self._tasks.values(), *filter(None, [self._checkpointing])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._give_lease_up()

    async def _wait_for_tasks(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks.values())

    async def _give_lease_up(self) -> None:
        try:
            await self._database.write(everyone(), lambda session: leases.give_up(session, self.name), timeout=1)
        except Unavailable:
            logger.debug("The lease could not be given up; it runs out by itself.")

    def _start(self, assignment: Assignment) -> None:
        key = assignment.key
        if key in self._ended_early:
            self._ended_early.discard(key)
            return
        self._titles.make_way()
        recheck = self.checkpoints.recheck
        live = self._broker.open(key.conversation_id, key.started, assignment.message_id, assignment.text, recheck)
        writing = self._writings[key] = Writing(assignment, live, self._engine.default_model)
        if self._is_over:
            writing.end(runs.INTERRUPTED)
        self._tasks[key] = task = asyncio.create_task(self._write(writing))
        task.add_done_callback(lambda _: self._tasks.pop(key))

    async def _write(self, writing: Writing) -> None:
        try:
            if not writing.is_ended:
                await self._run_engine(writing)
            if not writing.is_lost:
                await self._store_end(writing)
            if writing.outcome is not None:
                self.measures.replies[writing.outcome.status] += 1
        finally:
            del self._writings[writing.assignment.key]
            writing.live.close()
        if not self._writings and not self._closing:
            self._titles.after(writing)

    async def _run_engine(self, writing: Writing) -> None:
        """Lets the engine write to its end, or until the run is ended by somebody else."""
        writing.producing = asyncio.create_task(self._produce(writing))
        try:
            writing.end(await writing.producing)
        except asyncio.CancelledError:
            if not writing.is_ended:
                raise
        except ReplyDeleted:
            writing.lose()
        except Exception as error:
            if writing.is_ended:
                # An engine may well fail while it is being stopped.
                logger.debug("The engine failed after the reply had ended.", exc_info=True)
            elif isinstance(error, EngineError):
                writing.end(Outcome(Status.FAILED, failure=error.failure))
            else:
                logger.exception("A reply failed.")
                writing.end(Outcome(Status.FAILED, failure=_INTERNAL))

    async def _produce(self, writing: Writing) -> Outcome:
        writing.prompt = await self._prompt(writing.assignment)
        model, asked_at = writing.prompt.generation.model, time.monotonic()
        async with aclosing(self._engine.reply(writing.prompt)) as pieces:
            async for piece in pieces:
                if writing.is_ended:
                    raise asyncio.CancelledError
                model = piece.model or model
                room = self._max_reply_length - len(writing.live)
                if piece.text and room > 0:
                    if not writing.live:
                        self.measures.first_texts.add(time.monotonic() - asked_at)
                    writing.live.append(piece.text[:room])
                if len(piece.text) > room:
                    return Outcome(Status.COMPLETED, FinishReason.LENGTH, model=model)
                if piece.finish is not None:
                    return Outcome(Status.COMPLETED, piece.finish, usage=piece.usage, model=model)
        raise EngineError(
            FailureCode.ENGINE_BROKE_OFF, "The engine stopped without saying that it was done.", True
        )

    async def _prompt(self, assignment: Assignment) -> Prompt:
        """Reads the prompt, once the database can be read. May raise EngineError and ReplyDeleted."""
        while True:
            try:
                return await assignment.build_prompt()
            except Unavailable:
                logger.warning("The prompt of a reply could not be read; trying again.")
            await asyncio.sleep(self.retry_pause)

    async def _store_end(self, writing: Writing) -> None:
        """Tries until the end is stored, or the run turns out to have been ended or deleted."""

        async def work(session: AsyncSession) -> None:
            assert writing.outcome is not None
            after_commit(session, writing.live.close)
            key, outcome = writing.assignment.key, writing.outcome
            await runs.end(session, key, outcome, self.usage, writing.text, self.name)

        while True:
            try:
                return await self._database.write(writing.assignment.owner, work, timeout=None)
            except Exception:
                logger.warning("The end of a reply could not be stored; trying again.", exc_info=True)
            await asyncio.sleep(self.retry_pause)
