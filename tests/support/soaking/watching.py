"""Watchers of a soak: streams that are followed over connections cut anywhere, and short looks at them."""

import asyncio
import random
import sys
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

from tests.support.client import Client
from tests.support.soaking.asking import BROKEN, Place, leaving
from tests.support.soaking.ledger import Ledger, Row, Watcher
from tests.support.soaking.servers import SoakedServer

_STREAM = """subscription ($id: ID!, $after: String, $untilDone: Boolean! = false) {
    replyStream(conversationId: $id, after: $after, untilDone: $untilDone) { __typename cursor messageId
        ... on ReplyStarted { content } ... on ReplyDelta { offset delta } ... on ReplySnapshot { content }
        ... on ReplyFinished { finishReason message { content } }
        ... on ReplyFailed { failure { code } message { content } } } }"""
_CHANGES = """subscription ($id: ID!) { conversationChanged(conversationId: $id) {
    deletedConversationId conversation { version historyVersion } } }"""

# Takes an event's data, or None where the conversation is not found, and returns whether to go on.
Take = Callable[[Row | None], bool]


class Watching:
    def __init__(self, server: SoakedServer, ledger: Ledger, seed: int) -> None:
        self._server = server
        self._ledger = ledger
        self._seed = seed
        self._tasks: set[asyncio.Task[None]] = set()
        self.client: Client
        # The last versions that `conversationChanged` gave, by conversation.
        self.changes: dict[str, tuple[int, int]] = {}

    def watch(self, place: Place) -> None:
        """Keeps a stream and the changes of a conversation watched."""
        watcher = self.follow(place, is_cut=True)
        self._begin(self._follow_changes(place.id, random.Random(f"{self._seed} {len(self._ledger.watchers)}")))
        assert watcher.since is not None

    def follow(self, place: Place, is_cut: bool) -> Watcher:
        """Follows the stream from the conversation's first cursor on."""
        watcher = Watcher(place.id, place.cursor)
        self._ledger.watchers.append(watcher)
        chance = random.Random(f"{self._seed} {len(self._ledger.watchers)} stream")
        self._begin(self._follow(watcher, chance, is_cut))
        return watcher

    async def pass_by(self, place: Place, chance: random.Random) -> None:
        """Watches for a moment: the running reply, everything from the beginning, or on from another's cursor."""
        watcher = Watcher(place.id, chance.choice((None, None, place.cursor)), continuous=False)
        if chance.random() < 0.4:
            followers = (one for one in self._ledger.watchers if one.conversation == place.id)
            other = next(one for one in followers if one.since is not None)
            watcher.cursor, watcher.at, watcher.texts = other.cursor, other.at, dict(other.texts)
        self._ledger.watchers.append(watcher)
        await self._connect(watcher, chance, chance.expovariate(3), chance.random() < 0.5)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    def _begin(self, watching: Coroutine[None, None, None]) -> None:
        self._tasks.add(asyncio.create_task(watching))

    async def _follow(self, watcher: Watcher, chance: random.Random, is_cut: bool) -> None:
        while not watcher.is_over:
            await self._connect(watcher, chance, chance.expovariate(0.5) if is_cut else None)

    async def _connect(
        self, watcher: Watcher, chance: random.Random, seconds: float | None, until_done: bool = False
    ) -> None:
        """Takes events until so many have come, or the seconds are over; None takes all."""
        remaining = 1 + int(chance.expovariate(1 / 20)) if seconds is not None else sys.maxsize

        def take(data: Row | None) -> bool:
            nonlocal remaining
            if data is None:
                watcher.is_over = True
                return False
            event = data["replyStream"]
            watcher.take(event)
            if event.get("failure", {"code": "INTERRUPTED"})["code"] != "INTERRUPTED":
                self._ledger.violations.append(f"a reply failed: {event}")
            remaining -= 1
            return remaining > 0

        variables = {"id": watcher.conversation, "after": watcher.cursor, "untilDone": until_done}
        await self._receive(take, chance, seconds, _STREAM, **variables)

    async def _follow_changes(self, conversation: str, chance: random.Random) -> None:
        is_there = True

        def take(data: Row | None) -> bool:
            nonlocal is_there
            change = data and data["conversationChanged"]["conversation"]
            is_there = bool(change)
            if change:
                versions = change["version"], change["historyVersion"]
                before = self.changes.get(conversation, versions)
                if versions[0] < before[0] or versions[1] < before[1]:
                    self._ledger.violations.append(f"{conversation} went from {before} back to {versions}")
                self.changes[conversation] = versions
            return is_there

        while is_there:
            await self._receive(take, chance, chance.expovariate(0.3), _CHANGES, id=conversation)

    async def _receive(
        self, take: Take, chance: random.Random, seconds: float | None, document: str, **variables: Any
    ) -> None:
        """Gives the events of one connection to `take`."""
        await self._server.up.wait()
        starts, pause = self._server.starts, chance.choice((0, 0, 0, 0.03))
        transport = chance.choice((self.client.watch, self.client.watch_socket))
        try:
            async with leaving(seconds), aclosing(transport(document, **variables)) as answers:
                async for answer in answers:
                    if not self._take(take, answer, variables):
                        return
                    await asyncio.sleep(pause)
        except BROKEN as error:
            if self._server.is_up_since(starts):
                self._ledger.violations.append(f"a stream of {variables} broke: {error!r}")
        # Otherwise a stream that ends at once would be asked for again and again.
        await asyncio.sleep(0.02)

    def _take(self, take: Take, answer: Row, variables: Row) -> bool:
        if not (errors := answer.get("errors")):
            return take(answer["data"])
        code = errors[0]["extensions"]["code"]
        if code == "NOT_FOUND":
            return take(None)
        if code != "UNAVAILABLE" or not self._server.may_be_unavailable:
            self._ledger.violations.append(f"a stream of {variables} failed: {errors}")
        return False
