"""A reply belongs to the server: checkpoints, leases, recovery, stopping, and what a failure leaves behind."""

import asyncio
import os
import subprocess
import sys

import pytest
from sqlalchemy import Executable, insert, select, update

from models import (
    LOCAL_OWNER,
    Database,
    FailureCode,
    FinishReason,
    Message,
    Run,
    Status,
    Writer,
    database_time,
    everyone,
)
from services import Services
from services.engines import EngineError
from services.replies import leases
from services.replies.options import ReplyMode, ReplyOptions, SentReply
from services.runs import RunKey
from tests.conftest import opened
from tests.support.database import execute
from tests.support.makers import TestEngine, make_conversation, until

BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)
WAIT = ReplyOptions(ReplyMode.WAIT)


async def send(services: Services, wish: ReplyOptions = BACKGROUND) -> SentReply:
    conversation = await make_conversation(services)
    return await services.replies.send(LOCAL_OWNER, conversation.id, "Hello", None, wish)


async def stored(database: Database, exchange: SentReply) -> Message:
    assert exchange.reply is not None
    async with database.read(everyone()) as session:
        return await session.get_one(Message, exchange.reply.id)


async def the_run(database: Database) -> Run:
    async with database.read(everyone()) as session:
        return (await session.scalars(select(Run))).one()


def gone_writer() -> str:
    """Return the name of a writer whose process on this host has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    machine, _, unique = leases.new_writer_name().split(":")
    return f"{machine}:{process.pid}:{unique}x"


async def take_over(database: Database, writer: str, seconds: int | None = None) -> None:
    """Give the run to another writer, whose lease lasts so many seconds; None: it has no lease."""
    statements: list[Executable] = [update(Run).values(writer=writer)]
    if seconds is not None:
        statements.append(insert(Writer).values(name=writer, alive_until=database_time(seconds)))
    await execute(database, *statements)


async def lease_of(database: Database, name: str) -> bool:
    """Tell whether the writer's lease has not run out."""
    async with database.read(everyone()) as session:
        alive = select(Writer.name).where(Writer.name == name, Writer.alive_until > database_time(0))
        return await session.scalar(alive) is not None


async def test_the_text_so_far_is_checkpointed_and_the_lease_renewed(
    services: Services, database: Database, engine: TestEngine
) -> None:
    services.writer.checkpoints.interval = 0.01
    sent = await send(services)
    await execute(database, update(Writer).values(alive_until=database_time(-3600)))
    engine.say("Half a")

    async def half_is_stored() -> bool:
        return (await stored(database, sent)).content == "Half a"

    await until(half_is_stored)
    assert (await stored(database, sent)).status is Status.STREAMING
    assert await lease_of(database, services.writer.name)
    engine.answer(" reply.")


async def test_a_writer_that_lost_its_run_stops_and_changes_nothing(
    services: Services, database: Database, engine: TestEngine
) -> None:
    services.writer.checkpoints.interval = 0.01
    sent = await send(services)
    engine.say("Mine")
    await take_over(database, "elsewhere:1:w_2", 3600)
    await until(lambda: engine.closed)
    await services.close()
    assert (await stored(database, sent)).content in ("", "Mine")
    assert (await the_run(database)).ended is None


async def test_the_finished_text_is_not_trimmed(
    services: Services, database: Database, engine: TestEngine
) -> None:
    engine.answer("  Two lines \n", "\n")
    sent = await send(services, WAIT)
    message = await stored(database, sent)
    assert message.content == "  Two lines \n\n"
    assert message.status is Status.COMPLETED


@pytest.mark.parametrize("lease", [3600, -3600, None])
async def test_what_a_dead_process_left_is_ended_as_interrupted_at_the_next_start(
    lease: int | None, services: Services, database: Database, engine: TestEngine
) -> None:
    sent = await send(services)
    await execute(database, update(Message).where(Message.id == sent.reply.id).values(content="Half"))
    name = gone_writer() if lease == 3600 else "elsewhere:1:w_1"
    await take_over(database, name, lease)
    async with opened(services.settings, database, TestEngine()):
        message = await stored(database, sent)
    assert (message.content, message.status) == ("Half", Status.INTERRUPTED)
    assert message.failure is not None
    assert message.failure.code is FailureCode.INTERRUPTED
    assert message.failure.retryable


async def test_a_run_that_another_process_still_holds_is_left_alone(
    services: Services, database: Database, engine: TestEngine
) -> None:
    await send(services)
    await take_over(database, "elsewhere:1:w_1", 3600)
    async with opened(services.settings, database, TestEngine()):
        assert (await the_run(database)).ended is None


async def test_a_lease_that_was_renewed_in_the_meantime_saves_the_run(
    services: Services, database: Database
) -> None:
    await send(services)
    await take_over(database, "elsewhere:1:w_1", 3600)
    run = await the_run(database)
    # What another process found abandoned a moment ago, before it got the lock.
    await services.housekeeping.recovery._end([RunKey(run.conversation_id, run.started)])
    assert (await the_run(database)).ended is None
    await execute(database, update(Writer).values(alive_until=database_time(-1)))
    await services.housekeeping.recovery._end([RunKey(run.conversation_id, run.started)])
    assert (await the_run(database)).status is Status.INTERRUPTED


def test_an_earlier_process_with_our_number_is_not_taken_for_ours() -> None:
    mine = leases.new_writer_name()
    earlier = f"{mine}x"
    assert f":{os.getpid()}:" in earlier
    assert leases.process_is_gone(earlier)
    assert not leases.process_is_gone(mine)
    assert not leases.process_is_gone(f"elsewhere:{mine.partition(':')[2]}")


async def test_a_failure_keeps_what_was_written_and_says_why(
    services: Services, database: Database, engine: TestEngine
) -> None:
    engine.say("Some", EngineError(FailureCode.RATE_LIMITED, "Too many requests.", True, 30))
    message = await stored(database, await send(services, WAIT))
    assert (message.content, message.status, message.finish_reason) == ("Some", Status.FAILED, None)
    assert message.failure is not None
    assert (message.failure.code, message.failure.retry_after_seconds) == (FailureCode.RATE_LIMITED, 30)
    assert message.usage is not None
    assert message.usage.estimated


async def test_an_unforeseen_failure_shows_nothing_of_itself(services: Services, database: Database) -> None:
    class Broken(TestEngine):
        async def reply(self, prompt):
            yield 1 / 0

    async with opened(services.settings, database, Broken()) as broken:
        message = await stored(database, await send(broken, WAIT))
    assert message.failure is not None
    assert message.failure.code is FailureCode.INTERNAL
    assert "zero" not in message.failure.message


async def test_stop_ends_the_engine_and_keeps_the_text(
    services: Services, database: Database, engine: TestEngine
) -> None:
    sent = await send(services)
    engine.say("Until here")
    await until(lambda: services.writer._broker.live(sent.conversation.id).__len__())
    stopped = await services.replies.stop(LOCAL_OWNER, sent.conversation.id)
    assert engine.closed == 1
    assert stopped.reply is not None
    assert (stopped.reply.content, stopped.reply.status) == ("Until here", Status.STOPPED)
    assert stopped.reply.finish_reason is FinishReason.STOPPED
    again = await services.replies.stop(LOCAL_OWNER, sent.conversation.id)
    assert again.reply is None


async def test_a_late_stop_never_hits_the_next_reply(services: Services, engine: TestEngine) -> None:
    engine.answer("First.")
    first = await send(services, WAIT)
    second = await services.replies.send(LOCAL_OWNER, first.conversation.id, "More", None, BACKGROUND)
    await services.replies.stop(LOCAL_OWNER, first.conversation.id, first.reply.id)
    engine.answer("Second.")
    await services.streams.until_ended(LOCAL_OWNER, first.conversation.id, second.run)
    [reply] = await services.messages.by_ids(LOCAL_OWNER, [second.reply.id])
    assert reply.message.content == "Second."


async def test_stopping_what_another_process_writes_ends_it_for_everybody(
    services: Services, database: Database, engine: TestEngine
) -> None:
    services.writer.checkpoints.interval = 0.01
    sent = await send(services)
    await take_over(database, "elsewhere:1:w_1", 3600)
    async with opened(services.settings, database, TestEngine()) as elsewhere:
        stopped = await elsewhere.replies.stop(LOCAL_OWNER, sent.conversation.id)
    assert stopped.reply.status is Status.STOPPED
    engine.say("Too late.")
    await until(lambda: engine.closed)
    await services.close()
    assert (await stored(database, sent)).content == ""


async def test_closing_ends_replies_as_interrupted_with_their_text(
    services: Services, database: Database, engine: TestEngine
) -> None:
    sent = await send(services)
    engine.say("So far")
    await until(lambda: services.writer._broker.live(sent.conversation.id).__len__())
    services.writer.grace = 0
    await services.writer.close()
    message = await stored(database, sent)
    assert (message.content, message.status) == ("So far", Status.INTERRUPTED)


async def test_closing_gives_a_reply_time_to_finish(
    services: Services, database: Database, engine: TestEngine
) -> None:
    sent = await send(services)
    closing = asyncio.create_task(services.writer.close())
    await asyncio.sleep(0)
    engine.answer("Just in time.")
    await closing
    assert (await stored(database, sent)).status is Status.COMPLETED


async def test_a_reply_that_begins_while_the_writer_closes_has_what_is_left_of_the_time(
    services: Services, database: Database, engine: TestEngine
) -> None:
    services.writer.grace = 60
    first = await send(services)
    closing = asyncio.create_task(services.writer.close())
    await asyncio.sleep(0)
    second = await send(services)
    engine.answer("One.")
    engine.answer("Two.")
    await closing
    assert {(await stored(database, sent)).status for sent in (first, second)} == {Status.COMPLETED}
    services.writer.grace = 0
    late = await send(services)
    await services.writer.until_written(RunKey(late.conversation.id, late.run))
    assert (await stored(database, late)).status is Status.INTERRUPTED


async def test_clearing_lets_the_engine_go(services: Services, engine: TestEngine) -> None:
    sent = await send(services)
    engine.say("Never kept")
    await services.conversations.clear_history(LOCAL_OWNER, sent.conversation.id)
    await until(lambda: engine.closed)
    assert await services.chat_histories.of_conversations(LOCAL_OWNER, [sent.conversation.id]) == [[]]
