"""What is lost between processes costs time and no text."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

import pytest

from models import LOCAL_OWNER, Conversation, Database, FinishReason
from services.broker.wires import Wire
from services.settings import Settings
from services.streaming import readers
from services.streaming.events import ReplyFailed, ReplyFinished
from tests.conftest import opened
from tests.services.broker.conftest import Process, Wires, processes, written
from tests.support.makers import TestEngine, make_conversation, until


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
        await until(lambda: written(here) == "said and not seen")
        stopped = await two.replies.stop(LOCAL_OWNER, conversation.id)
        assert stopped.reply.content == "said and not seen"
        await until(lambda: watcher.has(ReplyFinished) and not watcher.has(ReplyFailed))
        await watcher.leave()
