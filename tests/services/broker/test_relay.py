"""Several processes serve the same conversations: two sets of services, each with a broker of its own."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import pytest

from models import LOCAL_OWNER, Conversation, Database, FinishReason, Status
from services import Services
from services.broker import relay
from services.broker.frames import Kind, decoded
from services.broker.relay import RelayBroker
from services.broker.wires import Wire
from services.replies import stopping
from services.replies.options import BusyPolicy, ReplyMode, ReplyOptions
from services.settings import Settings
from services.streaming import readers
from services.streaming.events import ReplyFailed, ReplyFinished, ReplyStarted
from tests.conftest import opened
from tests.services.broker.conftest import Wires, ears
from tests.services.streaming.test_readers import Watcher
from tests.support.makers import TestEngine, make_conversation, until

BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)
NEVER = 3600.0


class Process:
    """What one process has."""

    def __init__(self, services: Services, engine: TestEngine) -> None:
        self.services = services
        self.engine = engine

    async def send(self, conversation_id: str, text: str = "Hello", options: ReplyOptions = BACKGROUND) -> str:
        """Send a message; return the id of the reply, once the engine has been asked for it."""
        asked = len(self.engine.prompts)
        sent = await self.services.replies.send(LOCAL_OWNER, conversation_id, text, None, options)
        await until(lambda: len(self.engine.prompts) > asked)
        assert sent.reply is not None
        return sent.reply.id

    async def watch(self, conversation_id: str) -> Watcher:
        """Watch, and return once the watcher has seen what there is."""
        watcher = Watcher(self.services, conversation_id)
        await until(lambda: self.services.readers._readers and not self.services.streams._busy)
        return watcher


@asynccontextmanager
async def processes(
    settings: Settings, database: Database, make: Callable[[], Wire], count: int = 2
) -> AsyncIterator[list[Process]]:
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            engine, broker = TestEngine(), RelayBroker(make())
            broker.start()
            stack.push_async_callback(broker.close)
            services = await stack.enter_async_context(opened(settings, database, engine, broker))
            # Only a wire may bring text before the end.
            services.writer.checkpoints.interval = NEVER
            made.append(Process(services, engine))
        yield made


@pytest.fixture
async def pair(
    settings: Settings, database: Database, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[Process]]:
    monkeypatch.setattr(readers, "CLOCK_SECONDS", NEVER)
    async with processes(settings, database, wires.make) as pair:
        yield pair


@pytest.fixture
async def conversation(pair: list[Process]) -> Conversation:
    return await make_conversation(pair[0].services)


async def test_a_reply_of_one_process_is_watched_in_another_while_it_is_written(
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
    await until(lambda: len(here.services.writer._writings) == 1 and _written(here) == text)
    watcher = await there.watch(conversation.id)
    await until(lambda: watcher.text == text)
    await watcher.leave()


def _written(process: Process) -> str:
    return next(iter(process.services.writer._writings.values())).text


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


async def test_nobody_asks_for_text_when_no_reply_is_written(
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
        assert ear.heard == []
    await watcher.leave()


async def test_a_stop_from_another_process_keeps_the_whole_text(
    pair: list[Process], conversation: Conversation
) -> None:
    here, there = pair
    reply = await here.send(conversation.id)
    here.engine.say("All that was said")
    await until(lambda: _written(here) == "All that was said")
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
    await until(lambda: _written(here) == "stored")
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
    await until(lambda: _written(here) == "The first one")
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


async def test_a_cut_in_the_middle_of_a_reply_loses_no_text(
    pair: list[Process], conversation: Conversation, wires: Wires
) -> None:
    here, there = pair
    watcher = await there.watch(conversation.id)
    await here.send(conversation.id)
    here.engine.say("Before, ")
    await until(lambda: watcher.text == "Before, ")
    await wires.cut()
    here.engine.say("in the middle, ")
    await until(lambda: watcher.text == "Before, in the middle, ")
    here.engine.answer("and after.")
    await until(lambda: watcher.has(ReplyFinished))
    assert watcher.text == "Before, in the middle, and after."
    await watcher.leave()


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


class Lossy:
    """A wire that loses some of what it receives."""

    def __init__(self, wire: Wire, share: float, seed: int) -> None:
        self._wire = wire
        self._share = share
        self._random = random.Random(seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

    def open(self, receive: Callable[[str, bytes], None]) -> None:
        def maybe(topic: str, frame: bytes) -> None:
            if self._random.random() >= self._share:
                receive(topic, frame)

        self._wire.open(maybe)


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
async def test_whatever_is_lost_the_text_is_whole_at_the_end(
    settings: Settings, database: Database, hub: Wires, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "CLOCK_SECONDS", 0.05)
    pieces = [f"{number} \U0001f600" for number in range(60)]
    seeds = iter(range(100))
    async with processes(settings, database, lambda: cast(Wire, Lossy(hub.make(), share, next(seeds)))) as [
        here,
        there,
    ]:
        here.services.writer.checkpoints.interval = 0.1
        conversation = await make_conversation(here.services)
        watchers = [await there.watch(conversation.id)]
        await here.send(conversation.id)
        for number, piece in enumerate(pieces):
            here.engine.say(piece)
            await asyncio.sleep(0.005)
            if number in (20, 40):
                watchers.append(await there.watch(conversation.id))
        here.engine.say(FinishReason.END)
        for watcher in watchers:
            await until(lambda watcher=watcher: watcher.has(ReplyFinished))
            assert watcher.text == "".join(pieces)
            await watcher.leave()


async def test_without_a_wire_replies_are_seen_and_stopped_by_their_checkpoints(
    settings: Settings, database: Database
) -> None:
    first, second = TestEngine(), TestEngine()
    async with opened(settings, database, first) as one, opened(settings, database, second) as two:
        here, there = Process(one, first), Process(two, second)
        conversation = await make_conversation(one)
        watcher = await there.watch(conversation.id)
        await here.send(conversation.id)
        here.engine.say("said and ")
        await until(lambda: watcher.text == "said and ")
        here.engine.say("not seen")
        await until(lambda: _written(here) == "said and not seen")
        stopped = await two.replies.stop(LOCAL_OWNER, conversation.id)
        assert stopped.reply.content == "said and not seen"
        await until(lambda: watcher.has(ReplyFinished) and not watcher.has(ReplyFailed))
        await watcher.leave()
