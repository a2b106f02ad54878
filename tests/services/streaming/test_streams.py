"""A stream can be cut anywhere and resumed anywhere, and slow watchers slow nobody."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from models import LOCAL_OWNER
from services import Services
from services.errors import InvalidCursor, NotFound
from services.replies.options import ReplyMode, ReplyOptions
from services.streaming import cursors
from services.streaming.cursors import Cursor
from services.streaming.events import (
    ReplyDelta,
    ReplyEvent,
    ReplyFailed,
    ReplyFinished,
    ReplySnapshot,
    ReplyStarted,
)
from tests.support.makers import TestEngine, make_conversation, until

BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)
WAIT = ReplyOptions(ReplyMode.WAIT)


async def take(events: AsyncIterator[ReplyEvent], count: int) -> list[ReplyEvent]:
    return [await anext(events) for _ in range(count)]


def fold(text: str, events: list[ReplyEvent]) -> str:
    for event in events:
        if isinstance(event, ReplyStarted | ReplySnapshot):
            text = event.content
        elif isinstance(event, ReplyDelta):
            text = text.encode("utf-16-le")[: 2 * event.offset].decode("utf-16-le") + event.delta
    return text


async def test_a_stream_cut_at_every_event_folds_to_the_stored_text(
    services: Services, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
    live = await services.streams.watch(LOCAL_OWNER, conversation.id, until_done=True)
    seen = await take(live, 1)
    for word in ("Ünï ", "😀😀 ", "çok ", "güzel"):
        engine.say(word)
        seen += await take(live, 1)
    engine.answer()
    seen += [event async for event in live]
    assert [type(event) for event in seen] == [ReplyStarted, *[ReplyDelta] * 4, ReplyFinished]
    for cut in range(len(seen)):
        resumed = await services.streams.watch(LOCAL_OWNER, conversation.id, seen[cut].cursor, until_done=True)
        rest = [event async for event in resumed]
        assert fold(fold("", seen[: cut + 1]), rest) == "Ünï 😀😀 çok güzel"
    whole = await services.streams.watch(LOCAL_OWNER, conversation.id, sent.stream_cursor, until_done=True)
    assert fold("", [event async for event in whole]) == "Ünï 😀😀 çok güzel"


async def test_a_watcher_that_does_not_read_costs_nobody_anything(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
    lazy = await services.streams.watch(LOCAL_OWNER, conversation.id, until_done=True)
    await anext(lazy)
    eager = await services.streams.watch(LOCAL_OWNER, conversation.id, until_done=True)
    await anext(eager)
    for _ in range(50):
        engine.say("word ")
        await anext(eager)
    engine.answer()
    last = [event async for event in eager][-1]
    assert isinstance(last, ReplyFinished)
    rest = [event async for event in lazy]
    assert [type(event) for event in rest] == [ReplyDelta, ReplyFinished]
    assert rest[0].delta == "word " * 50


async def test_an_event_shows_the_message_as_it_was_then(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    engine.answer("One.", " Two.")
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, WAIT)
    engine.answer(" Three.")
    await services.replies.continue_reply(LOCAL_OWNER, sent.reply.id, WAIT)
    replay = await services.streams.watch(LOCAL_OWNER, conversation.id, sent.stream_cursor)
    events = await take(replay, 6)
    assert [(type(event).__name__, event.as_of.content) for event in events] == [
        ("ReplyStarted", ""),
        ("ReplyDelta", "One. Two."),
        ("ReplyFinished", "One. Two."),
        ("ReplyStarted", "One. Two."),
        ("ReplyDelta", "One. Two. Three."),
        ("ReplyFinished", "One. Two. Three."),
    ]


async def test_an_edit_reaches_the_watcher(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    engine.answer("Tpyo.")
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, WAIT)
    live = await services.streams.watch(LOCAL_OWNER, conversation.id)
    coming = asyncio.ensure_future(anext(live))
    await services.messages.edit(LOCAL_OWNER, sent.reply.id, "Typo.")
    event = await coming
    assert isinstance(event, ReplySnapshot)
    assert (event.message_id, event.content) == (sent.reply.id, "Typo.")


async def test_a_deleted_reply_ends_for_its_watcher(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
    live = await services.streams.watch(LOCAL_OWNER, conversation.id, until_done=True)
    await take(live, 1)
    await services.messages.delete(LOCAL_OWNER, sent.reply.id)
    assert [type(event) for event in [event async for event in live]] == [ReplyFinished]


async def test_a_deleted_conversation_ends_its_streams(services: Services) -> None:
    conversation = await make_conversation(services)
    live = await services.streams.watch(LOCAL_OWNER, conversation.id)
    changes = await services.changes.watch(LOCAL_OWNER, conversation.id)
    assert (await anext(changes)).conversation is not None
    await services.conversations.delete(LOCAL_OWNER, conversation.id)
    assert [event async for event in live] == []
    [change] = [change async for change in changes]
    assert (change.conversation, change.deleted_conversation_id) == (None, conversation.id)


async def test_a_failure_is_the_last_event_of_its_run(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "word " * 2000, None, WAIT)
    events = await services.streams.watch(LOCAL_OWNER, conversation.id, sent.stream_cursor, until_done=True)
    assert [type(event) for event in [event async for event in events]] == [ReplyStarted, ReplyFailed]


async def test_cursors_of_elsewhere_are_refused(services: Services) -> None:
    conversation, other = await make_conversation(services), await make_conversation(services)
    good = cursors.encode(conversation.id, Cursor(1))
    padded = base64.urlsafe_b64encode(b"\x01" + bytes(8) + b"\xff" * 30).decode()
    bad = ["", "?", "AAAA", good + "!", good[:-1], "A" * 5, "x" * 5000, padded, "ç", "\ud800"]
    bad += [cursors.encode(other.id, Cursor(1)), cursors.encode(conversation.id, Cursor(99))]
    bad += [cursors.encode(conversation.id, Cursor(1, 2))]
    for cursor in bad:
        with pytest.raises(InvalidCursor):
            await services.streams.watch(LOCAL_OWNER, conversation.id, cursor)
    with pytest.raises(NotFound):
        await services.streams.watch(LOCAL_OWNER, "conv_" + "0" * 32)


async def test_changes_are_seen_by_other_tabs(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    async with aclosing(await services.changes.watch(LOCAL_OWNER, conversation.id)) as changes:
        seen = [(await anext(changes)).conversation]
        await services.conversations.update(LOCAL_OWNER, conversation.id, {"title": "New"})
        seen.append((await anext(changes)).conversation)
        engine.answer("Yes.")
        await services.replies.send(LOCAL_OWNER, conversation.id, "Hi", None, WAIT)
        seen.append((await anext(changes)).conversation)
    assert [one.title for one in seen] == ["New conversation", "New", "New"]
    assert seen[2].history_version > seen[1].history_version


async def test_the_broker_forgets_what_nobody_watches(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    for _ in range(3):
        engine.answer("Yes.")
        await services.replies.send(LOCAL_OWNER, conversation.id, "Hi", None, WAIT)
    await until(lambda: not services.writer._broker.topics())
