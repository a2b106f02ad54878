"""What large chats cost: `python -m tests.benchmarks.stories` prints each story's time and its SQL statements.

One character with 200,000 conversations; a leaf 40,000 messages deep; 1,000 watchers of a conversation while a
message is sent in another one; 400 replies that wait for their turn.
"""

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import event

from models import LOCAL_OWNER, Conversation, Database
from services import Services
from services.broker.memory import MemoryBroker
from services.conversations import ConversationOrder, Listing
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from tests.support.crowd import multiply
from tests.support.makers import TestEngine, make_character, make_conversation, make_history, until

DEPTH, WATCHERS, WAITING, ROUNDS = 40_000, 1_000, 400, 20
NONE, BACKGROUND = ReplyOptions(ReplyMode.NONE), ReplyOptions(ReplyMode.BACKGROUND)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "bench.db"
        self.settings = Settings(_env_file=None, database_url=f"sqlite+aiosqlite:///{self.path}")
        self.database = Database(self.settings.database_url)
        self.services = Services.build(self.settings, self.database, MemoryBroker(), TestEngine())
        self.statements: list[str] = []
        for engine in self.database.engines:
            event.listen(engine.sync_engine, "before_cursor_execute", self._note)

    def _note(self, *arguments: Any) -> None:
        self.statements.append(arguments[2])

    async def time(self, name: str, act: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> None:
        times = []
        for _ in range(rounds):
            self.statements.clear()
            begin = time.perf_counter()
            await act()
            times.append(time.perf_counter() - begin)
        print(f"{name}: {median(times) * 1000:,.1f} ms, {len(self.statements)} statements", flush=True)


async def lists(bench: Bench) -> None:
    services = bench.services
    character = await make_character(services)
    conversation = await make_history(services, "x", character=character)
    multiply(bench.path, conversation.id)
    listing, five = Listing(), PageArguments(first=5)
    await bench.time(
        "Character.conversations(first: 5)",
        lambda: services.conversations.pages_of(LOCAL_OWNER, [character.id], listing, five),
    )
    for order in ConversationOrder:
        await bench.time(
            f"conversations(first: 5, orderBy: {order})",
            lambda order=order: services.conversations.page(LOCAL_OWNER, Listing(order), five),
        )
    cursor = _cursor_at(bench.path, listing, character.id, 199_000)
    await bench.time(
        "the page after row 199,000",
        lambda: services.conversations.page(
            LOCAL_OWNER, listing, PageArguments(first=5, after=cursor), character.id
        ),
    )
    await bench.time(
        "Character.conversationCount",
        lambda: services.conversations.counts_of(LOCAL_OWNER, [character.id], listing),
    )
    await bench.time("deleteCharacter", lambda: services.characters.delete(LOCAL_OWNER, character.id), 1)
    await bench.time("its rows deleted in batches", services.housekeeping.finish_deletions, 1)


def _cursor_at(path: Path, listing: Listing, character_id: str, row: int) -> str:
    with contextlib.closing(sqlite3.connect(path)) as file:
        query = "SELECT active_at, id FROM conversations ORDER BY active_at DESC, id DESC LIMIT 1 OFFSET ?"
        moment, id = file.execute(query, (row,)).fetchone()
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return listing.keyset(character_id).cursor(Conversation(active_at=at, id=f"conv_{id}"))


async def deep_leaf(bench: Bench) -> None:
    services = bench.services
    conversation = await make_history(services, *["Hello there."] * DEPTH)
    last = PageArguments(last=1)
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], last)
    leaf = page.nodes[0]
    await services.chat_histories.replace_history(
        LOCAL_OWNER, conversation.id, [{"role": "user", "content": "Elsewhere"}]
    )
    await bench.time("select a leaf 40,000 deep", lambda: services.messages.select(LOCAL_OWNER, leaf.id), 1)
    [history] = await services.chat_histories.of_conversations(LOCAL_OWNER, [conversation.id])
    history[-1]["content"] = "Changed"
    await bench.time(
        "updateChatHistory of 40,000, the last one changed",
        lambda: services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, history),
        1,
    )


async def crowded_readers(bench: Bench) -> None:
    services = bench.services
    watched, other = await make_history(services, "a", "b"), await make_conversation(services)
    [page] = await services.messages.path_pages(LOCAL_OWNER, [watched.id], PageArguments(first=9))

    async def send() -> object:
        return await services.replies.send(LOCAL_OWNER, other.id, "Hi", None, NONE)

    async def watch() -> None:
        async for _ in await services.streams.watch(LOCAL_OWNER, watched.id):
            pass

    await bench.time("a send, alone", send)
    tasks = [asyncio.create_task(watch()) for _ in range(WATCHERS)]
    readers = services.readers._readers.values()
    await until(lambda: sum(len(one.of_text) for one in readers) == WATCHERS and not services.streams._busy, 60)
    await services.messages.edit(LOCAL_OWNER, page.nodes[0].id, "changed")
    await asyncio.sleep(0.05)
    await bench.time(f"the same right after a change that {WATCHERS:,} watch", send, 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def waiting_replies(bench: Bench) -> None:
    services = bench.services
    for _ in range(WAITING):
        conversation = await make_conversation(services)
        await services.replies.send(LOCAL_OWNER, conversation.id, "Hi", None, BACKGROUND)
    await asyncio.sleep(1)
    bench.statements.clear()
    await asyncio.sleep(5)
    begun = sum(one.startswith("BEGIN IMMEDIATE") for one in bench.statements)
    print(f"{WAITING} waiting replies: {begun / 5:.1f} write transactions a second", flush=True)


async def main() -> None:
    for story in (lists, deep_leaf, crowded_readers, waiting_replies):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder))
            await bench.database.migrate()
            bench.services.writer.open()
            await story(bench)
            bench.services.writer.grace = 0
            await bench.services.close()
            await bench.database.close()


if __name__ == "__main__":
    asyncio.run(main())
