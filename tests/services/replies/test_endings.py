"""A reply always ends, once, and as the first to end it decided: whatever the database or the engine does."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import text

from models import LOCAL_OWNER, Database, FinishReason, Status, everyone
from services import Services
from services.engines import Piece, Prompt
from services.errors import InvalidInput, NotFound, ReplyInProgress, WrongRole
from services.paging import PageArguments
from services.replies.options import BusyPolicy, ReplyMode, ReplyOptions, SentReply
from services.streaming.events import ReplyFinished
from tests.conftest import opened
from tests.services.replies.test_writer import send, stored, take_over
from tests.support.database import execute
from tests.support.makers import TestEngine, make_conversation, make_history, until

BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)
STOP = ReplyOptions(ReplyMode.BACKGROUND, BusyPolicy.STOP)
WAIT = ReplyOptions(ReplyMode.WAIT)

REFUSE = text("CREATE TRIGGER full BEFORE UPDATE OF ended ON runs BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
ALLOW = text("DROP TRIGGER full")


@pytest.mark.sqlite
async def test_an_end_that_the_database_refuses_is_kept_until_it_is_stored(
    services: Services, database: Database, engine: TestEngine, caplog: pytest.LogCaptureFixture
) -> None:
    services.writer.retry_pause = 0.01
    await execute(database, REFUSE)
    engine.answer("hello ", "world")
    sent = await send(services)
    await until(lambda: caplog.text.count("could not be stored; trying again") > 5)
    with pytest.raises(ReplyInProgress):
        await services.replies.send(LOCAL_OWNER, sent.conversation.id, "Next", None, BACKGROUND)
    events = await services.streams.watch(LOCAL_OWNER, sent.conversation.id, sent.stream_cursor, until_done=True)
    await execute(database, ALLOW)
    assert isinstance([event async for event in events][-1], ReplyFinished)
    message = await stored(database, sent)
    assert (message.content, message.status) == ("hello world", Status.COMPLETED)
    engine.answer("On.")
    again = await services.replies.send(LOCAL_OWNER, sent.conversation.id, "Next", None, WAIT)
    assert again.reply.content == "On."


async def test_a_run_of_our_own_that_no_task_writes_is_ended(
    services: Services, database: Database, engine: TestEngine
) -> None:
    sent = await send(services)
    async with opened(services.settings, database, TestEngine()) as other:
        await take_over(database, other.writer.name)
        await until(lambda: engine.closed)
        for _ in range(2):
            await other.housekeeping.recovery.end_abandoned()
        assert (await stored(database, sent)).status is Status.INTERRUPTED


@pytest.mark.parametrize("verb", ["send", "request", "regenerate", "continue", "add", "settings"])
async def test_a_refused_request_stops_nothing(
    verb: str, services: Services, database: Database, engine: TestEngine
) -> None:
    conversation = await make_history(services, "Hello", "Hi.")
    [first] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], PageArguments(first=100))
    user = first.nodes[0].id
    running = await services.replies.send(LOCAL_OWNER, conversation.id, "More", None, BACKGROUND)
    missing, replies = "msg_" + "0" * 32, services.replies
    out_of_range = ReplyOptions(ReplyMode.BACKGROUND, BusyPolicy.STOP, {"temperature": 9})
    refused = {
        "send": lambda: replies.send(LOCAL_OWNER, conversation.id, "x", missing, STOP),
        "request": lambda: replies.request(LOCAL_OWNER, conversation.id, missing, STOP),
        "regenerate": lambda: replies.regenerate(LOCAL_OWNER, user, STOP),
        "continue": lambda: replies.continue_reply(LOCAL_OWNER, first.nodes[1].id, STOP),
        "add": lambda: replies.add_alternative(LOCAL_OWNER, missing, "x", STOP),
        "settings": lambda: replies.send(LOCAL_OWNER, conversation.id, "x", None, out_of_range),
    }
    with pytest.raises((NotFound, WrongRole, InvalidInput)):
        await refused[verb]()
    assert engine.closed == 0
    engine.answer("Still writing.")
    await services.streams.until_ended(LOCAL_OWNER, conversation.id, running.run)
    message = await stored(database, running)
    assert (message.content, message.status) == ("Still writing.", Status.COMPLETED)


async def test_a_stopped_reply_keeps_all_its_text_and_the_next_begins_at_once(
    services: Services, database: Database, engine: TestEngine
) -> None:
    sent = await send(services)
    engine.say("All of ", "this")
    await until(lambda: len(services.writer._broker.live(sent.conversation.id)) == len("All of this"))
    second = await services.replies.send(LOCAL_OWNER, sent.conversation.id, "Next", None, STOP)
    message = await stored(database, sent)
    assert (message.content, message.status) == ("All of this", Status.STOPPED)
    assert second.message.parent_id == sent.reply.id


class FailsWhenStopped(TestEngine):
    async def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        try:
            async for piece in super().reply(prompt):
                yield piece
        finally:
            raise RuntimeError("the connection could not be closed")


async def test_an_engine_that_fails_while_it_is_stopped_changes_nothing(
    services: Services, database: Database
) -> None:
    engine = FailsWhenStopped()
    async with opened(services.settings, database, engine) as failing:
        sent = await send(failing)
        await until(lambda: engine.prompts)
        stopped = await failing.replies.stop(LOCAL_OWNER, sent.conversation.id)
        assert (stopped.reply.status, stopped.reply.failure) == (Status.STOPPED, None)
        await until(lambda: not failing.writer.keys)
    message = await stored(database, sent)
    assert (message.status, message.finish_reason) == (Status.STOPPED, FinishReason.STOPPED)


async def test_stopping_in_the_moment_a_reply_begins_stops_the_engine(
    services: Services, engine: TestEngine
) -> None:
    for step in range(60):
        conversation = await make_conversation(services)
        sending = asyncio.create_task(services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND))
        await asyncio.sleep(step / 10_000)
        await services.replies.stop(LOCAL_OWNER, conversation.id)
        await sending
        await services.replies.stop(LOCAL_OWNER, conversation.id)
    await until(lambda: not services.writer.keys)
    assert engine.closed == len(engine.prompts)


async def test_a_reply_has_a_greatest_length(services: Services, database: Database) -> None:
    settings = services.settings.model_copy(update={"max_message_length": 10})
    engine = TestEngine()
    async with opened(settings, database, engine) as short:
        engine.say("1234567", "89 and on and on")
        sent = await send(short, WAIT)
    assert (sent.reply.content, sent.reply.status) == ("123456789 ", Status.COMPLETED)
    assert sent.reply.finish_reason is FinishReason.LENGTH
    assert engine.closed == 1


async def test_a_reply_that_is_deleted_before_its_prompt_is_read_ends_without_a_word(
    services: Services, engine: TestEngine, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        conversation = await make_conversation(services)
        sent: SentReply = await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
        await services.conversations.delete(LOCAL_OWNER, sent.conversation.id)
    await until(lambda: not services.writer.keys)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.sqlite
async def test_waiting_replies_cost_one_transaction_a_round_whatever_their_number(
    services: Services, database: Database, engine: TestEngine, statements: list[str]
) -> None:
    services.writer.checkpoints.interval = 60
    for _ in range(20):
        await send(services)
    await until(lambda: len(engine.prompts) == 20)
    await services.writer.checkpoints.store()
    statements.clear()
    await services.writer.checkpoints.store()
    # Whether others want a reply stopped is one statement for all.
    assert [one.split()[0] for one in statements] == ["BEGIN", "SELECT", "INSERT"]
    async with database.read(everyone()) as session:
        assert (await session.execute(text("SELECT count(*) FROM runs WHERE ended IS NULL"))).scalar() == 20
