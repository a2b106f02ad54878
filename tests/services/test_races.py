"""Changes that meet: each waits for the other's locks in one order, and decides by what it finds then.

On SQLite they take turns anyway; on PostgreSQL each of these went wrong without that order.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from sqlalchemy import select

from models import LOCAL_OWNER, Database, FinishReason, Message, Run, everyone
from services import Services
from services.errors import NotFound, ReplyInProgress
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from tests.support.makers import TestEngine, make_character, make_conversation, make_history, until

ROUNDS = 8
BACKGROUND, NONE = ReplyOptions(ReplyMode.BACKGROUND), ReplyOptions(ReplyMode.NONE)


async def at_once(*changes: Coroutine[Any, Any, Any]) -> list[Any]:
    """Start all in one moment; give their results, and their refusals."""
    done = await asyncio.gather(*changes, return_exceptions=True)
    faults = [
        one for one in done if isinstance(one, Exception) and not isinstance(one, NotFound | ReplyInProgress)
    ]
    assert faults == []
    return done


async def begin_reply(services: Services, engine: TestEngine, conversation_id: str) -> str:
    asked = len(engine.prompts)
    sent = await services.replies.send(LOCAL_OWNER, conversation_id, "Hello", None, BACKGROUND)
    await until(lambda: len(engine.prompts) > asked)
    assert sent.reply is not None
    return sent.reply.id


@pytest.mark.parametrize("against", ["clear", "delete", "stop", "update", "checkpoint"])
async def test_the_end_of_a_reply_meets_another_change(
    services: Services, engine: TestEngine, database: Database, against: str
) -> None:
    for _ in range(ROUNDS):
        conversation = await make_conversation(services)
        await begin_reply(services, engine, conversation.id)
        engine.say("Some text")
        change: dict[str, Any] = {
            "clear": lambda id: services.conversations.clear_history(LOCAL_OWNER, id),
            "delete": lambda id: services.conversations.delete(LOCAL_OWNER, id),
            "stop": lambda id: services.replies.stop(LOCAL_OWNER, id),
            "update": lambda id: services.conversations.update(LOCAL_OWNER, id, {"title": "Another"}),
            "checkpoint": lambda id: services.writer.checkpoints.store(),
        }
        engine.say(FinishReason.END)
        await at_once(*(change[against](conversation.id) for _ in range(2)))
        await until(lambda: not services.writer.keys)
        async with database.read(everyone()) as session:
            runs = list(await session.scalars(select(Run).where(Run.conversation_id == conversation.id)))
        assert [run for run in runs if run.ended is None] == []


async def test_no_two_changes_have_one_version(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    for _ in range(ROUNDS):
        await begin_reply(services, engine, conversation.id)
        [before] = await services.conversations.by_ids(LOCAL_OWNER, [conversation.id])
        engine.answer("Text.")
        sends = (services.replies.send(LOCAL_OWNER, conversation.id, "And", None, NONE) for _ in range(3))
        done = await at_once(*sends)
        await until(lambda: not services.writer.keys)
        [after] = await services.conversations.by_ids(LOCAL_OWNER, [conversation.id])
        stored = sum(not isinstance(one, Exception) for one in done)
        assert after.history_version == before.history_version + stored + 1


async def test_a_checkpoint_meets_the_deletion_of_its_conversation(services: Services, engine: TestEngine) -> None:
    for _ in range(ROUNDS):
        conversation = await make_conversation(services)
        await begin_reply(services, engine, conversation.id)
        engine.say("Some text")
        await until(lambda: any(one.has_grown for one in services.writer._writings.values()))
        await at_once(
            services.writer.checkpoints.store(), services.conversations.delete(LOCAL_OWNER, conversation.id)
        )
        await until(lambda: not services.writer.keys)


async def test_one_key_makes_one_conversation_however_often_it_is_asked_for(services: Services) -> None:
    character = await make_character(services)
    create = services.conversations.create
    made = await at_once(*(create(LOCAL_OWNER, character.id, {}, idempotency_key="key") for _ in range(10)))
    assert len({conversation.id for conversation in made}) == 1
    [kept] = await services.characters.by_ids(LOCAL_OWNER, [character.id])
    assert kept.conversation_count == 1


async def test_a_reply_that_is_being_continued_is_not_edited(services: Services, engine: TestEngine) -> None:
    for _ in range(ROUNDS):
        conversation = await make_history(services, "Hi", "Some text")
        [_, reply] = await path_of(services, conversation.id)
        edit = services.messages.edit(LOCAL_OWNER, reply.id, "Edited")
        continued = services.replies.continue_reply(LOCAL_OWNER, reply.id, BACKGROUND)
        engine.answer(" and more.")
        await at_once(edit, continued)
        await until(lambda: not services.writer.keys)
        [_, reply] = await path_of(services, conversation.id)
        assert reply.content in ("Edited and more.", "Some text and more.")


async def path_of(services: Services, conversation_id: str) -> list[Message]:
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation_id], PageArguments(first=10))
    return list(page.nodes)


async def test_sending_meets_the_deletion_of_the_character(services: Services, engine: TestEngine) -> None:
    for _ in range(ROUNDS):
        character = await make_character(services)
        talks = [await make_conversation(services, character) for _ in range(3)]
        sends = [services.replies.send(LOCAL_OWNER, talk.id, "Hello", None, BACKGROUND) for talk in talks]
        await at_once(*sends, services.characters.delete(LOCAL_OWNER, character.id))
        await until(lambda: not services.writer.keys)


async def test_updates_of_a_character_keep_each_other(services: Services) -> None:
    character = await make_character(services)
    changes = ({"metadata": {f"key{number}": number}} for number in range(10))
    await at_once(*(services.characters.update(LOCAL_OWNER, character.id, change) for change in changes))
    [kept] = await services.characters.by_ids(LOCAL_OWNER, [character.id])
    assert kept.extra == {f"key{number}": number for number in range(10)}
