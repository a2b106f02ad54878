"""What is read for many watchers is read once, and what other processes change is seen by all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from models import LOCAL_OWNER, Database
from services import Services
from services.paging import PageArguments
from services.replies.options import BusyPolicy, ReplyMode, ReplyOptions
from services.settings import Settings
from services.streaming.events import ReplyDelta, ReplyEvent, ReplyFinished, ReplySnapshot, ReplyStarted
from services.streaming.watches import BATCH, STEP, Watch, Watches
from tests.conftest import opened
from tests.services.streaming.test_streams import fold
from tests.support.makers import TestEngine, make_conversation, make_history, until

NONE, WAIT = ReplyOptions(ReplyMode.NONE), ReplyOptions(ReplyMode.WAIT)
BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)
WATCHERS = 50


class Watcher:
    """Watches a conversation in a task, and keeps what it is told."""

    def __init__(self, services: Services, conversation_id: str, **arguments: Any) -> None:
        self.events: list[ReplyEvent] = []
        self._task = asyncio.create_task(self._watch(services, conversation_id, arguments))

    async def _watch(self, services: Services, conversation_id: str, arguments: dict[str, Any]) -> None:
        async for event in await services.streams.watch(LOCAL_OWNER, conversation_id, **arguments):
            self.events.append(event)

    @property
    def text(self) -> str:
        return fold("", self.events)

    def has(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events)

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def watched(services: Services, conversation_id: str, count: int) -> AsyncIterator[list[Watcher]]:
    """Lets so many watch, and waits until they have nothing more to do."""
    watchers = [Watcher(services, conversation_id) for _ in range(count)]
    await until(lambda: len(reader_of(services).of_text) == count and not services.streams._busy)
    await until(lambda: not services.readers.are_busy)
    try:
        yield watchers
    finally:
        await asyncio.gather(*(one.leave() for one in watchers))


def reader_of(services: Services) -> Any:
    """Returns the only reader that there is; a stand-in before there is one."""
    readers = list(services.readers._readers.values())
    return readers[0] if readers else type("NoReader", (), {"of_text": ()})


async def test_one_change_is_read_once_for_all_who_watch(services: Services, statements: list[str]) -> None:
    conversation = await make_history(services, "a", "b")
    [message, *_] = await path(services, conversation.id)
    # The clock might see the change before its announcement.
    await services.readers.close()
    for count in (1, WATCHERS):
        statements.clear()
        async with watched(services, conversation.id, count) as watchers:
            # Most of them come while the first one's view is still being read.
            assert len(reads_of(statements)) == 1
            statements.clear()
            await services.messages.edit(LOCAL_OWNER, message, f"edited {count}")
            await until(lambda watchers=watchers: all(one.has(ReplySnapshot) for one in watchers))
            # Edits are looked for once there are some, in one state with all else.
            assert len(reads_of(statements)) == 2
            assert late_reads_of(statements) == []


async def test_who_has_sent_watches_the_reply_by_reads_for_all(
    services: Services, engine: TestEngine, statements: list[str]
) -> None:
    conversation = await make_history(services, "a", "b")
    [first, *_] = await path(services, conversation.id)
    await services.readers.close()
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
    engine.say("One.")
    # What is edited meanwhile comes in its order.
    await services.messages.edit(LOCAL_OWNER, first, "edited")
    statements.clear()
    watcher = Watcher(services, conversation.id, after=sent.stream_cursor)
    await until(lambda: watcher.has(ReplyDelta) and watcher.has(ReplySnapshot))
    assert [type(event) for event in watcher.events] == [ReplyStarted, ReplyDelta, ReplySnapshot]
    assert len(reads_of(statements)) == 2
    assert late_reads_of(statements) == []
    await watcher.leave()


async def test_a_deleted_conversation_may_be_read_again(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    conversation = await make_history(services, "a", "b")
    with services.readers.watching(LOCAL_OWNER, conversation.id, text=False) as (reader, watch):
        await reader.present(watch)
        await services.conversations.delete(LOCAL_OWNER, conversation.id)
        await until(lambda: reader.newest.conversation is None and not reader.is_busy)
        reader.rows_changed()
        await until(lambda: not reader.is_busy)
        assert reader.newest.conversation is None
    assert caplog.messages == []


def reads_of(statements: list[str]) -> list[str]:
    """Return the statements that read a view for all."""
    return [one for one in statements if "JOIN runs" in one]


def late_reads_of(statements: list[str]) -> list[str]:
    """Return the statements that read near the cursor of one late watcher."""
    return [one for one in statements if "min(runs.started)" in one]


async def path(services: Services, conversation_id: str) -> list[str]:
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation_id], PageArguments(first=9))
    return [message.id for message in page.nodes]


async def test_those_who_are_up_to_date_are_told_the_same_event(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    async with watched(services, conversation.id, WATCHERS) as watchers:
        await services.replies.send(LOCAL_OWNER, conversation.id, "Count.", None, BACKGROUND)
        await until(lambda: all(one.has(ReplyStarted) for one in watchers))
        engine.say("One ")
        await until(lambda: all(one.text == "One " for one in watchers))
        engine.answer("two.")
        await until(lambda: all(one.has(ReplyFinished) for one in watchers))
    # A few are woken at a time, and in between a newer view may come, which makes its events anew.
    times = -(-WATCHERS // STEP)
    for events in zip(*(one.events for one in watchers), strict=True):
        assert len(set(map(repr, events))) == 1
        assert len({id(event) for event in events}) <= times


async def test_growing_text_asks_the_database_nothing(
    services: Services, engine: TestEngine, statements: list[str]
) -> None:
    services.writer.checkpoints.interval = 60
    conversation = await make_conversation(services)
    async with watched(services, conversation.id, 3) as watchers:
        await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
        await until(lambda: all(one.has(ReplyStarted) for one in watchers))
        await until(lambda: engine.prompts and not services.readers.are_busy)
        statements.clear()
        for word in ("One ", "two ", "three."):
            engine.say(word)
            await until(lambda word=word: all(one.text.endswith(word) for one in watchers))
        assert [one for one in statements if "content" in one] == []


async def test_text_wakes_only_those_who_watch_text(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    with services.readers.watching(LOCAL_OWNER, conversation.id, text=False) as (_, watch):
        async with watched(services, conversation.id, 1) as [watcher]:
            await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
            await until(lambda: watcher.has(ReplyStarted) and not services.readers.are_busy)
            await watch.changed()
            for word in ("One ", "two."):
                engine.say(word)
                await until(lambda word=word: watcher.text.endswith(word))
            assert not watch._is_woken


async def test_waiting_for_a_reply_watches_no_stream(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    waiting = asyncio.create_task(services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, WAIT))
    await until(lambda: engine.prompts)
    assert services.readers._readers == {}
    engine.answer("Yes.")
    assert (await waiting).reply.content == "Yes."


@asynccontextmanager
async def other_process(settings: Settings) -> AsyncIterator[tuple[Services, TestEngine]]:
    """Opens services that share nothing but the database with others."""
    async with AsyncExitStack() as stack:
        database, engine = Database(settings.database_url), TestEngine()
        stack.push_async_callback(database.close)
        yield await stack.enter_async_context(opened(settings, database, engine)), engine


async def test_idle_watchers_see_what_another_process_changes(services: Services, settings: Settings) -> None:
    conversation = await make_history(services, "a", "b")
    [message, *_] = await path(services, conversation.id)
    async with (
        other_process(settings) as (other, engine),
        watched(services, conversation.id, 2) as watchers,
        aclosing(await services.changes.watch(LOCAL_OWNER, conversation.id)) as changes,
        asyncio.timeout(20),
    ):
        await anext(changes)
        await other.conversations.update(LOCAL_OWNER, conversation.id, {"title": "Elsewhere"})
        assert (await anext(changes)).conversation.title == "Elsewhere"
        await other.messages.edit(LOCAL_OWNER, message, "edited elsewhere")
        await until(lambda: all(one.text == "edited elsewhere" for one in watchers))
        await other.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
        await until(lambda: all(one.has(ReplyStarted) for one in watchers))
        engine.say("Written ")
        await until(lambda: all(one.text == "Written " for one in watchers))
        engine.answer("elsewhere.")
        await until(lambda: all(one.has(ReplyFinished) for one in watchers))
        assert {one.text for one in watchers} == {"Written elsewhere."}
        await other.conversations.delete(LOCAL_OWNER, conversation.id)
        assert [change async for change in changes][-1].deleted_conversation_id == conversation.id


async def test_a_reply_that_another_process_writes_is_waited_for(services: Services, settings: Settings) -> None:
    conversation = await make_conversation(services)
    keyed = ReplyOptions(ReplyMode.WAIT, BusyPolicy.REJECT, None, "key")
    async with other_process(settings) as (other, engine):
        first = asyncio.create_task(other.replies.send(LOCAL_OWNER, conversation.id, "Go", None, keyed))
        await until(lambda: other.writer.keys)
        again = asyncio.create_task(services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, keyed))
        await until(lambda: services.readers._readers)
        engine.answer("Elsewhere.")
        for sent in await asyncio.gather(first, again):
            assert sent.reply.content == "Elsewhere."


async def test_the_clock_sleeps_while_nobody_watches(services: Services, statements: list[str]) -> None:
    conversation = await make_conversation(services)
    async with watched(services, conversation.id, 1):
        assert services.readers._is_watched.is_set()
    assert not services.readers._is_watched.is_set()
    assert services.readers._readers == {}


async def test_a_late_watcher_and_those_at_the_head_see_the_same(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    sent = []
    async with watched(services, conversation.id, 2) as watchers:
        for text in ("One.", "Two.", "Three."):
            engine.answer(text)
            sent.append(await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, WAIT))
        late = Watcher(services, conversation.id, after=sent[0].stream_cursor)
        await until(lambda: len([one for one in late.events if isinstance(one, ReplyFinished)]) == 3)
        engine.say("Four")
        await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
        everybody = [*watchers, late]
        await until(lambda: all(one.text == "Four" for one in everybody))
        engine.answer(".")
        await until(lambda: all(one.text == "Four." for one in everybody))
        assert {type(one.events[-1]) for one in everybody} <= {ReplyDelta, ReplyFinished}
        await late.leave()


async def test_many_are_woken_in_batches_and_others_get_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    watches, woken = Watches(), []

    async def wait(number: int) -> None:
        while True:
            await places[number].changed()
            woken.append(number)

    places = [Watch() for _ in range(100)]
    for place in places:
        watches.add(place)
    tasks = [asyncio.create_task(wait(number)) for number in range(100)]
    await asyncio.sleep(0)
    watches.wake()
    turns = [0]
    while len(woken) < 100:
        await asyncio.sleep(0)
        turns.append(len(woken))
    assert max(later - earlier for earlier, later in pairwise(turns)) <= STEP
    # Who is woken again in the middle of a round is told of both.
    watches.wake()
    watches.wake()
    await until(lambda: len(woken) >= 300)
    assert sorted(woken) == sorted([*range(100)] * 3)
    # What waits for another thread, again and again, does not wait for a batch each time.
    monkeypatch.setattr("services.streaming.watches.PAUSE", 0.5)
    watches.wake()
    for _ in range(5):
        await asyncio.to_thread(int)
    assert len(woken) == 300 + BATCH
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
