"""A caller that leaves in the midst of a change: it is made whole and everybody is told, or it is not made."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select

from models import LOCAL_OWNER, Conversation, Database, Message, everyone
from services import Services
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from tests.support.makers import make_character, make_history, until

# So often callers leave, each a little later than the one before; more often until one has left too late.
STEPS, MOST_STEPS = 60, 600
STEP_SECONDS = 0.0001
WHOLE = PageArguments(first=100)
NONE = ReplyOptions(ReplyMode.NONE)

Change = Callable[[Services, Conversation, list[Message], int], Awaitable[Any]]

CHANGES: dict[str, Change] = {
    "clear": lambda to, one, path, n: to.conversations.clear_history(LOCAL_OWNER, one.id),
    "edit": lambda to, one, path, n: to.messages.edit(LOCAL_OWNER, path[0].id, f"edit {n}"),
    "update": lambda to, one, path, n: to.conversations.update(LOCAL_OWNER, one.id, {"title": f"title {n}"}),
    "replace": lambda to, one, path, n: to.chat_histories.replace_history(LOCAL_OWNER, one.id, []),
    "delete": lambda to, one, path, n: to.conversations.delete(LOCAL_OWNER, one.id),
    "delete character": lambda to, one, path, n: to.characters.delete(LOCAL_OWNER, one.character_id),
    "delete message": lambda to, one, path, n: to.messages.delete(LOCAL_OWNER, path[1].id),
    "select": lambda to, one, path, n: to.messages.select(LOCAL_OWNER, path[2].id),
    "send": lambda to, one, path, n: to.replies.send(LOCAL_OWNER, one.id, f"said {n}", None, NONE),
}


async def state(database: Database, conversation_id: str) -> object:
    async with database.read(LOCAL_OWNER) as session:
        found = await session.get(Conversation, conversation_id)
        return found and (found.version, found.history_version)


class Listener:
    told = False

    def rows_changed(self) -> None:
        self.told = True

    def text_grew(self) -> None:
        pass


@contextmanager
def listening(services: Services, conversation_id: str) -> Iterator[Listener]:
    broker, listener = services.writer._broker, Listener()
    broker.subscribe(conversation_id, listener)
    try:
        yield listener
    finally:
        broker.unsubscribe(conversation_id, listener)


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_that_was_committed_is_told(name: str, services: Services, database: Database) -> None:
    committed = untold = 0
    character = await make_character(services)
    history = [{"role": "user", "content": content} for content in ("Hello", "Hi.", "More")]
    for step in range(MOST_STEPS):
        if step >= STEPS and committed:
            break
        if name == "delete character":
            character = await make_character(services)
        conversation = await services.chat_histories.import_history(LOCAL_OWNER, character.id, history)
        [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], WHOLE)
        await services.chat_histories.replace_history(
            LOCAL_OWNER,
            conversation.id,
            [{"role": "user", "content": "Hello"}, {"role": "user", "content": "Else"}],
        )
        before = await state(database, conversation.id)
        with listening(services, conversation.id) as listener:
            change = CHANGES[name](services, conversation, list(page.nodes), step)
            caller = asyncio.ensure_future(change)
            await asyncio.sleep(step * STEP_SECONDS)
            caller.cancel()
            await asyncio.wait([caller])
            await until(lambda: not database._tasks)
            changed = await state(database, conversation.id) != before
            committed += changed
            untold += changed and not listener.told
    assert committed > 0
    assert untold == 0


@pytest.mark.parametrize("name", ["fork", "import"])
async def test_a_new_conversation_is_whole_or_not_there(name: str, services: Services, database: Database) -> None:
    source = await make_history(services, *(str(n) for n in range(50)))
    history = [{"role": "user", "content": str(n)} for n in range(50)]
    made = 0
    for step in range(MOST_STEPS):
        if step >= STEPS and made:
            break
        if name == "fork":
            change: Awaitable[Any] = services.conversations.fork(LOCAL_OWNER, source.id)
        else:
            change = services.chat_histories.import_history(LOCAL_OWNER, source.character_id, history)
        caller = asyncio.ensure_future(change)
        await asyncio.sleep(step * STEP_SECONDS)
        caller.cancel()
        await asyncio.wait([caller])
        made += not caller.cancelled()
    await until(lambda: not database._tasks)
    async with database.read(everyone()) as session:
        conversations = list(await session.scalars(select(Conversation)))
        counts = await session.execute(
            select(Message.conversation_id, func.count(Message.id)).group_by(Message.conversation_id)
        )
    assert len(conversations) > 1
    assert {row[0]: row[1] for row in counts} == {one.id: 50 for one in conversations}
    [character] = await services.characters.by_ids(LOCAL_OWNER, [source.character_id])
    assert character.conversation_count == len(conversations)
