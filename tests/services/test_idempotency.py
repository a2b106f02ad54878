"""The same request under the same key is done once: after a clear, after an upgrade, and when two come at once."""

import asyncio
import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from models import LOCAL_OWNER, Character, Conversation, Database, IdempotencyKey, Message, everyone, now
from services import Services
from services.errors import IdempotencyConflict, NotFound
from services.replies.options import ReplyMode, ReplyOptions, SentReply
from tests.support.database import execute, store
from tests.support.makers import TestEngine, make_character, make_conversation

KEYED = ReplyOptions(ReplyMode.WAIT, idempotency_key="k")


async def say(services: Services, conversation_id: str, options: ReplyOptions = KEYED) -> SentReply:
    return await services.replies.send(LOCAL_OWNER, conversation_id, "Once", None, options)


async def count(database: Database, column: object) -> int:
    async with database.read(everyone()) as session:
        return await session.scalar(select(func.count(column))) or 0


async def test_a_key_survives_clearing_the_history(
    services: Services, database: Database, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    engine.answer("Heard.")
    await say(services, conversation.id)
    await services.conversations.clear_history(LOCAL_OWNER, conversation.id)
    again = await say(services, conversation.id)
    assert (again.message, again.reply, again.stream_cursor) == (None, None, None)
    assert len(engine.prompts) == 1
    assert await count(database, Message.id) == 0
    fork = await services.conversations.fork(LOCAL_OWNER, conversation.id, idempotency_key="f")
    await services.conversations.clear_history(LOCAL_OWNER, conversation.id)
    same = await services.conversations.fork(LOCAL_OWNER, conversation.id, idempotency_key="f")
    assert same.id == fork.id


async def test_the_mode_of_the_reply_is_part_of_the_request(services: Services) -> None:
    conversation = await make_conversation(services)
    await say(services, conversation.id, ReplyOptions(ReplyMode.NONE, idempotency_key="k"))
    with pytest.raises(IdempotencyConflict):
        await say(services, conversation.id)


async def test_one_key_serves_each_mutation_and_each_parent(services: Services, engine: TestEngine) -> None:
    conversation, other = await make_conversation(services), await make_conversation(services)
    engine.answer("One.")
    engine.answer("Two.")
    engine.answer("Three.")
    first = await say(services, conversation.id)
    second = await services.replies.request(LOCAL_OWNER, conversation.id, None, KEYED)
    third = await say(services, other.id)
    assert len({first.reply.id, second.reply.id, third.reply.id}) == 3


async def test_two_at_once_create_one(services: Services, database: Database) -> None:
    create = services.characters.create
    made = await asyncio.gather(*(create(LOCAL_OWNER, {"name": "Bo"}, "key") for _ in range(20)))
    assert len({one.id for one in made}) == 1
    assert await count(database, Character.id) == 1


async def test_an_unknown_parent_is_not_found_whatever_it_looks_like(services: Services) -> None:
    character = await make_character(services)
    await services.conversations.create(LOCAL_OWNER, character.id, {}, True, "k")
    for id in ("char_\ud800", "char_\0", "char_" + "1" * 32, "x" * 10_000):
        with pytest.raises(NotFound) as refusal:
            await services.conversations.create(LOCAL_OWNER, id, {}, True, "k")
        assert refusal.value.path == ["character_id"]


async def test_a_result_that_was_deleted_is_refused_without_naming_an_argument(services: Services) -> None:
    character = await make_character(services)
    made = await services.conversations.create(LOCAL_OWNER, character.id, {}, True, "k")
    await services.conversations.delete(LOCAL_OWNER, made.id)
    with pytest.raises(NotFound) as refusal:
        await services.conversations.create(LOCAL_OWNER, character.id, {}, True, "k")
    assert (refusal.value.missing_id, refusal.value.path) == (made.id, [])


async def test_a_key_expires_after_two_days(services: Services, database: Database) -> None:
    for key, age in (("old", timedelta(hours=49)), ("young", timedelta(hours=47))):
        await services.characters.create(LOCAL_OWNER, {"name": "Bo"}, key)
        this = update(IdempotencyKey).where(IdempotencyKey.key == key)
        await execute(database, this.values(created_at=now() - age))
    await services.housekeeping.expire_keys()
    async with database.read(everyone()) as session:
        assert list(await session.scalars(select(IdempotencyKey.key))) == ["young"]


async def test_a_key_of_the_version_before_is_still_known(
    services: Services, database: Database, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    engine.answer("Heard.")
    sent = await say(services, conversation.id, ReplyOptions(ReplyMode.WAIT))
    asked = json.dumps(("sendMessage", "Once", None, None), sort_keys=True, default=str)
    result = {"message": sent.message.id, "reply": sent.reply.id, "run": sent.run}
    before = IdempotencyKey(
        owner=LOCAL_OWNER,
        kind="",
        parent_id=conversation.id,
        key="k",
        digest=hashlib.sha256(asked.encode()).hexdigest(),
        result=result,
    )
    await store(database, before)
    again = await say(services, conversation.id)
    assert (again.message.id, again.reply.id) == (sent.message.id, sent.reply.id)
    with pytest.raises(IdempotencyConflict):
        await services.replies.send(LOCAL_OWNER, conversation.id, "Other", None, KEYED)
    assert await count(database, Conversation.id) == 1
