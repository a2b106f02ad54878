"""Several processes serve the same conversations: two sets of services, each with a broker of its own."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from models import LOCAL_OWNER, Conversation, Database, FinishReason, Status
from services.broker import relay
from services.broker.frames import Kind, decoded
from services.replies import stopping
from services.replies.options import BusyPolicy, ReplyMode, ReplyOptions
from services.settings import Settings
from services.streaming import readers
from services.streaming.events import ReplyFinished, ReplyStarted
from tests.conftest import opened
from tests.services.broker.conftest import NEVER, Process, Wires, ears, written
from tests.support.makers import TestEngine, make_conversation, until


async def test_a_reply_of_one_process_is_watched_in_another_while_it_iswritten(
    pair: list[Process], conversation: Conversation
) -> None:
    here, there = pair
    watcher = await there.watch(conversation.id)
    await here.send(conversation.id)
    for said in ("Hel", "Hello", "Hello \U0001f600 you"):
        here.engine.say(said[len(watcher.text) :])
        await until(lambda said=said: watcher.text == said)
    here.engine.say(FinishReason.END)
    await until(lambda: watcher.has(ReplyFinished))
    assert watcher.text == "Hello \U0001f600 you"
    assert sum(isinstance(event, ReplyStarted) for event in watcher.events) == 1
    await watcher.leave()


async def test_a_late_watcher_in_another_process_gets_what_was_written_before(
    pair: list[Process], conversation: Conversation
) -> None:
    here, there = pair
    text = "".join(chr(0x4E00 + number) for number in range(5000))
    await here.send(conversation.id)
    here.engine.say(text)
    await until(lambda: len(here.services.writer._writings) == 1 and written(here) == text)
    watcher = await there.watch(conversation.id)
    await until(lambda: watcher.text == text)
    await watcher.leave()


async def test_text_is_sent_only_while_somebody_elsewhere_asks(
    pair: list[Process], conversation: Conversation, wires: Wires
) -> None:
    here, there = pair
    async with ears(wires, 1) as [ear]:
        await ear.listen(conversation.id)
        nearby = await here.watch(conversation.id)
        await here.send(conversation.id)
        here.engine.say("nobody elsewhere ")
        await until(lambda: nearby.text == "nobody elsewhere ")
        await asyncio.sleep(3 * ear.wire.pace)
        assert _kinds(ear.heard) == {Kind.ROWS}
        watcher = await there.watch(conversation.id)
        await until(lambda: watcher.text == "nobody elsewhere ")
        assert _kinds(ear.heard) == set(Kind)
        await watcher.leave()
        await nearby.leave()


def _kinds(heard: Sequence[tuple[str, bytes]]) -> set[Kind]:
    return {frame.kind for _, data in heard if (frame := decoded(data))}


async def test_nobody_asks_for_text_when_no_reply_iswritten(
    pair: list[Process], conversation: Conversation, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "ASK_SECONDS", 0.1)
    here, there = pair
    watcher = await there.watch(conversation.id)
    await here.send(conversation.id)
    here.engine.answer("Done.")
    await until(lambda: watcher.has(ReplyFinished))
    async with ears(wires, 1) as [ear]:
        await ear.listen(conversation.id)
        await asyncio.sleep(0.5)
        # That rows have changed may be said once more after the watcher knows.
        assert _kinds(ear.heard) <= {Kind.ROWS}
    await watcher.leave()


async def test_a_stop_from_another_process_keeps_the_whole_text(
    pair: list[Process], conversation: Conversation
) -> None:
    here, there = pair
    reply = await here.send(conversation.id)
    here.engine.say("All that was said")
    await until(lambda: written(here) == "All that was said")
    stopped = await there.services.replies.stop(LOCAL_OWNER, conversation.id)
    assert (stopped.reply.id, stopped.reply.status) == (reply, Status.STOPPED)
    assert stopped.reply.content == "All that was said"
    await until(lambda: here.engine.closed == 1)


async def test_a_stop_reaches_a_reply_that_still_waits_for_its_first_word(
    pair: list[Process], conversation: Conversation
) -> None:
    here, there = pair
    await here.send(conversation.id)
    stopped = await there.services.replies.stop(LOCAL_OWNER, conversation.id)
    assert stopped.reply.status is Status.STOPPED
    await until(lambda: here.engine.closed == 1)


async def test_a_process_that_does_not_answer_is_not_waited_for_long(
    pair: list[Process], conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "STOP_SECONDS", 0.1)
    here, there = pair
    await here.send(conversation.id)
    here.engine.say("stored")
    await until(lambda: written(here) == "stored")
    await here.services.writer.checkpoints.store()
    here.engine.say(" and not stored")
    here.services.writer.checkpoints.recheck = lambda: None
    monkeypatch.setattr(here.services.writer.checkpoints, "store", _nothing)
    stopped = await there.services.replies.stop(LOCAL_OWNER, conversation.id)
    assert (stopped.reply.status, stopped.reply.content) == (Status.STOPPED, "stored")


async def _nothing() -> None:
    pass


async def test_a_message_from_another_process_stops_the_reply_first(
    pair: list[Process], conversation: Conversation
) -> None:
    here, there = pair
    first = await here.send(conversation.id)
    here.engine.say("The first one")
    await until(lambda: written(here) == "The first one")
    await there.send(conversation.id, "Stop", ReplyOptions(ReplyMode.BACKGROUND, if_busy=BusyPolicy.STOP))
    [[message, _]] = await there.services.messages.by_ids(LOCAL_OWNER, [first])
    assert (message.content, message.status) == ("The first one", Status.STOPPED)
    await until(lambda: here.engine.closed == 1)


@pytest.mark.parametrize("verb", ["clear", "delete", "delete_character"])
async def test_what_is_removed_in_another_process_is_written_no_more(
    pair: list[Process], conversation: Conversation, verb: str
) -> None:
    here, there = pair
    await here.send(conversation.id)
    match verb:
        case "clear":
            await there.services.conversations.clear_history(LOCAL_OWNER, conversation.id)
        case "delete":
            await there.services.conversations.delete(LOCAL_OWNER, conversation.id)
        case _:
            await there.services.characters.delete(LOCAL_OWNER, conversation.character_id)
    await until(lambda: here.engine.closed == 1)


async def test_a_change_is_told_to_those_who_watch_changes_in_another_process(
    pair: list[Process], conversation: Conversation
) -> None:
    here, there = pair
    changes = await there.services.changes.watch(LOCAL_OWNER, conversation.id)
    await anext(changes)
    await until(lambda: conversation.id in _broker(there)._wire._standing)
    await here.services.conversations.update(LOCAL_OWNER, conversation.id, {"title": "Another"})
    async with asyncio.timeout(20):
        change = await anext(changes)
    assert change.conversation.title == "Another"
    await changes.aclose()


async def test_whoever_begins_to_watch_changes_sees_nothing_older_than_there_is(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes that tell each other nothing."""
    monkeypatch.setattr(readers, "CLOCK_SECONDS", NEVER)
    async with opened(settings, database, TestEngine()) as one, opened(settings, database, TestEngine()) as two:
        conversation = await make_conversation(one)
        earlier = await two.changes.watch(LOCAL_OWNER, conversation.id)
        await anext(earlier)
        await one.conversations.update(LOCAL_OWNER, conversation.id, {"title": "Another"})
        later = await two.changes.watch(LOCAL_OWNER, conversation.id)
        assert (await anext(later)).conversation.title == "Another"
        await earlier.aclose()
        await later.aclose()


def _broker(process: Process) -> Any:
    return process.services.readers._broker


async def test_topics_vanish_with_their_last_user(pair: list[Process], conversation: Conversation) -> None:
    here, there = pair
    watcher = await there.watch(conversation.id)
    await here.send(conversation.id)
    here.engine.answer("Done.")
    await until(lambda: watcher.has(ReplyFinished))
    await watcher.leave()
    for process in pair:
        await until(lambda process=process: _broker(process).topics() == [])
        await until(lambda process=process: _broker(process)._wire._standing == set())
