"""A watched list is told what is created, changed and deleted, by this process and by others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models import LOCAL_OWNER, Conversation, Database
from services import Services
from services.errors import NotFound
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from services.streaming import lists
from tests.conftest import opened
from tests.support.client import Client
from tests.support.database import execute
from tests.support.makers import TestEngine, make_character, make_conversation, make_history, until
from tests.support.owners import OTHER_OWNER

BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)


class Watcher:
    """Watches a list in a task; `titles` has what a client would show, `deleted` what it would take away."""

    def __init__(self, services: Services, owner: str = LOCAL_OWNER, character_id: str | None = None) -> None:
        self.titles: dict[str, str] = {}
        self.deleted: list[str] = []
        self.events = 0
        self._task = asyncio.create_task(self._watch(services, owner, character_id))

    async def _watch(self, services: Services, owner: str, character_id: str | None) -> None:
        async for change in await services.lists.watch(owner, character_id):
            self.events += 1
            if change.conversation is not None:
                self.titles[change.conversation.id] = change.conversation.title
            else:
                assert change.deleted_conversation_id is not None
                self.deleted.append(change.deleted_conversation_id)

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def watching(services: Services, **arguments: Any) -> AsyncIterator[Watcher]:
    """Waits until the list is watched; what was there before is told too, if it is recent."""
    watcher = Watcher(services, **arguments)
    owner = arguments.get("owner", LOCAL_OWNER)
    await until(lambda: owner in services.lists._lists and services.lists._lists[owner]._known is not None)
    try:
        yield watcher
    finally:
        await watcher.leave()


async def test_a_list_is_told_what_is_created_changed_and_deleted(services: Services, engine: TestEngine) -> None:
    async with watching(services) as watcher:
        conversation = await make_conversation(services, title="First")
        await until(lambda: watcher.titles.get(conversation.id) == "First")
        await services.conversations.update(LOCAL_OWNER, conversation.id, {"title": "Second"})
        await until(lambda: watcher.titles.get(conversation.id) == "Second")
        seen = watcher.events
        await services.replies.send(LOCAL_OWNER, conversation.id, "Hello", None, ReplyOptions(ReplyMode.NONE))
        await until(lambda: watcher.events > seen)
        fork = await services.conversations.fork(LOCAL_OWNER, conversation.id)
        await until(lambda: fork.id in watcher.titles)
        await services.conversations.delete(LOCAL_OWNER, conversation.id)
        await until(lambda: watcher.deleted == [conversation.id])


async def test_a_reply_that_grows_is_no_change_of_a_list(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    async with watching(services) as watcher:
        await services.replies.send(LOCAL_OWNER, conversation.id, "Hello", None, BACKGROUND)
        await until(lambda: engine.prompts)
        await asyncio.sleep(0.3)
        seen = watcher.events
        for word in ("one ", "two ", "three "):
            engine.say(word)
            await asyncio.sleep(0.15)
        assert watcher.events == seen
        engine.answer("four")
        await until(lambda: watcher.events > seen)


async def test_a_deleted_character_takes_its_conversations_away(services: Services) -> None:
    character = await make_character(services)
    ids = [(await make_conversation(services, character)).id for _ in range(3)]
    kept = await make_conversation(services)
    async with watching(services) as watcher:
        await services.characters.delete(LOCAL_OWNER, character.id)
        await until(lambda: sorted(watcher.deleted) == sorted(ids))
        assert kept.id not in watcher.deleted


async def test_a_list_of_one_character_is_told_of_no_other(services: Services) -> None:
    ada, bob = await make_character(services, "Ada"), await make_character(services, "Bob")
    async with watching(services, character_id=ada.id) as watcher:
        of_bob = await make_conversation(services, bob)
        of_ada = await make_conversation(services, ada)
        await until(lambda: of_ada.id in watcher.titles)
        await services.conversations.delete(LOCAL_OWNER, of_bob.id)
        await services.conversations.delete(LOCAL_OWNER, of_ada.id)
        await until(lambda: watcher.deleted)
        assert (list(watcher.titles), watcher.deleted) == ([of_ada.id], [of_ada.id])
    with pytest.raises(NotFound):
        await services.lists.watch(LOCAL_OWNER, "char_00")


async def test_nobody_is_told_of_another_owners_conversations(services: Services) -> None:
    async with watching(services) as watcher, watching(services, owner=OTHER_OWNER) as other:
        conversation = await make_conversation(services)
        character = await services.characters.create(OTHER_OWNER, {"name": "Bob"})
        theirs = await services.conversations.create(OTHER_OWNER, character.id, {})
        await until(lambda: watcher.titles and other.titles)
        await services.conversations.delete(LOCAL_OWNER, conversation.id)
        await until(lambda: watcher.deleted)
        assert (list(watcher.titles), list(other.titles), other.deleted) == ([conversation.id], [theirs.id], [])


async def test_what_another_process_does_is_seen_too(services: Services, settings: Settings) -> None:
    kept = await make_history(services, "Hello")
    database = Database(settings.database_url)
    async with opened(settings, database, TestEngine()) as elsewhere, watching(services) as watcher:
        gone = await make_conversation(elsewhere)
        await until(lambda: gone.id in watcher.titles)
        await elsewhere.conversations.update(LOCAL_OWNER, kept.id, {"title": "Elsewhere"})
        await until(lambda: watcher.titles.get(kept.id) == "Elsewhere")
        await elsewhere.conversations.delete(LOCAL_OWNER, gone.id)
        await until(lambda: watcher.deleted == [gone.id])
    await database.close()


async def test_what_changed_just_before_the_watch_is_told(services: Services) -> None:
    """The client may have read its list before, although it subscribed first."""
    async with watching(services) as early:
        conversation = await make_conversation(services)
        await until(lambda: conversation.id in early.titles)
        async with watching(services) as late:
            await until(lambda: conversation.id in late.titles)


async def test_a_list_that_nobody_watches_is_forgotten(services: Services) -> None:
    async with watching(services):
        pass
    assert services.lists._lists == {}


async def test_a_sidebar_is_told_over_a_socket(client: Client, services: Services) -> None:
    document = """subscription { conversationsChanged { deletedConversationId conversation { id title
        lastMessage { excerpt } } } }"""
    watching = client.watch_socket(document)
    first = asyncio.ensure_future(anext(watching))
    await until(lambda: services.lists._lists)
    conversation = await make_history(services, "*Hello*")
    found = (await first)["data"]["conversationsChanged"]["conversation"]
    assert found["id"] == conversation.id
    if found["lastMessage"] is None:
        found = (await anext(watching))["data"]["conversationsChanged"]["conversation"]
    assert found["lastMessage"] == {"excerpt": "Hello"}
    await watching.aclose()


async def test_one_who_leaves_in_the_middle_of_a_look_takes_a_change_from_nobody(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await make_conversation(services, title="Before")
    async with watching(services) as watcher:
        watched, blocked, rows = services.lists._lists[LOCAL_OWNER], asyncio.Event(), lists._rows

        async def slow(*args: Any) -> Any:
            if asyncio.current_task() is leaving:
                blocked.set()
                await asyncio.sleep(60)
            return await rows(*args)

        monkeypatch.setattr(lists, "_rows", slow)
        # Nobody is hinted, so that the clock does not come first.
        monkeypatch.setattr(services.lists, "_is_hinted", asyncio.Event())
        async with watched._looking:
            leaving = asyncio.create_task(watched.look())
            await asyncio.sleep(0)
            await services.conversations.update(LOCAL_OWNER, conversation.id, {"title": "After"})
        await blocked.wait()
        leaving.cancel()
        await until(lambda: watcher.titles.get(conversation.id) == "After")


async def test_a_moment_in_the_future_silences_nothing(services: Services, database: Database) -> None:
    """The clock of another machine may be ahead."""
    ahead, other = await make_conversation(services), await make_conversation(services)
    async with watching(services) as watcher:
        future = datetime.now(UTC) + timedelta(minutes=10)
        change = update(Conversation).where(Conversation.id == ahead.id)
        await execute(database, change.values(updated_at=future, version=Conversation.version + 1, title="Ahead"))
        await until(lambda: watcher.titles.get(ahead.id) == "Ahead")
        await services.conversations.update(LOCAL_OWNER, other.id, {"title": "Now"})
        await until(lambda: watcher.titles.get(other.id) == "Now")
