"""The JSON history of the old program: out as it came in, and replaced without losing anything."""

from typing import Any

import pytest
from sqlalchemy import select

from models import LOCAL_OWNER, Database, Message, Status, everyone
from services import Services
from services.errors import InvalidInput, VersionConflict
from services.replies.options import ReplyMode, ReplyOptions
from tests.support.makers import TestEngine, make_character, make_conversation

TOLD: list[dict[str, Any]] = [
    {"role": "assistant", "content": "Merhaba!\n"},
    {"role": "user", "content": "Çok güzel 😀", "z": 1, "a": {"nested": [1.0, None, True, 10**30]}},
    {"role": "assistant", "content": "", "action": {"tool": "wiki", "args": {}, "result": {"n": 1}}},
    {"role": "system", "content": "Be brief."},
]


async def history(services: Services, conversation_id: str) -> list[dict[str, Any]]:
    [found] = await services.chat_histories.of_conversations(LOCAL_OWNER, [conversation_id])
    return found


async def test_it_comes_out_as_it_went_in(services: Services) -> None:
    conversation = await make_conversation(services)
    await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, TOLD)
    found = await history(services, conversation.id)
    assert found == TOLD
    assert [list(item) for item in found] == [list(item) for item in TOLD]
    assert type(found[1]["a"]["nested"][0]) is float


async def test_an_equal_beginning_keeps_its_messages_and_the_rest_becomes_a_branch(
    services: Services, database: Database
) -> None:
    conversation = await make_conversation(services)
    await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, TOLD)
    changed = await services.chat_histories.replace_history(
        LOCAL_OWNER, conversation.id, [*TOLD[:2], {"role": "user", "content": "Else"}]
    )
    assert changed.message_count == 3
    async with database.read(everyone()) as session:
        rows = (await session.scalars(select(Message).order_by(Message.position, Message.id))).all()
    assert [(row.position, row.content, row.active) for row in rows] == [
        (0, "Merhaba!\n", True),
        (1, "Çok güzel 😀", True),
        (2, "", False),
        (2, "Else", True),
        (3, "Be brief.", False),
    ]
    back, _ = await services.messages.select(LOCAL_OWNER, rows[2].id)
    assert back.active
    assert await history(services, conversation.id) == TOLD


async def test_the_same_history_changes_nothing(services: Services) -> None:
    conversation = await make_conversation(services)
    once = await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, TOLD)
    twice = await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, TOLD)
    assert twice.history_version == once.history_version


async def test_one_and_true_are_different_things(services: Services) -> None:
    conversation = await make_conversation(services)
    for value in (1, True, 1.0):
        told = [{"role": "user", "content": "x", "k": value}]
        await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, told)
        [found] = await history(services, conversation.id)
        assert type(found["k"]) is type(value)


async def test_a_reply_that_came_to_nothing_is_left_out(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    await services.replies.send(LOCAL_OWNER, conversation.id, "Hi", None, ReplyOptions(ReplyMode.BACKGROUND))
    stopped = await services.replies.stop(LOCAL_OWNER, conversation.id)
    assert stopped.reply.status is Status.STOPPED
    told = await history(services, conversation.id)
    assert told == [{"role": "user", "content": "Hi"}]
    same = await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, told)
    assert same.message_count == 2


@pytest.mark.parametrize(
    ("told", "path"),
    [
        (None, []),
        ({}, []),
        ("[]", []),
        ([1], ["0"]),
        ([{"role": "user", "content": "x"}, []], ["1"]),
        ([{"content": "x"}], ["0", "role"]),
        ([{"role": "user"}], ["0", "content"]),
        ([{"role": "user", "content": None}], ["0", "content"]),
        ([{"role": "user", "content": "a\0"}], ["0", "content"]),
        ([{"role": "user", "content": "x", "k": {"deep": "\ud800"}}], ["0", "k", "deep"]),
    ],
)
async def test_another_shape_is_refused_with_its_place(told: Any, path: list[str], services: Services) -> None:
    character = await make_character(services, greeting="Hi")
    conversation = await services.conversations.create(LOCAL_OWNER, character.id, {})
    for refused in (
        services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, told),
        services.chat_histories.import_history(LOCAL_OWNER, character.id, told),
    ):
        with pytest.raises(InvalidInput) as refusal:
            await refused
        assert refusal.value.path == ["chat_history", *path]
    assert len(await history(services, conversation.id)) == 1


async def test_a_history_that_changed_meanwhile_is_not_overwritten(services: Services) -> None:
    conversation = await make_conversation(services)
    await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, TOLD, conversation.history_version)
    with pytest.raises(VersionConflict) as refusal:
        await services.chat_histories.replace_history(
            LOCAL_OWNER, conversation.id, [], conversation.history_version
        )
    assert refusal.value.current.message_count == 4


async def test_clearing_empties_it_and_the_greeting_speaks_again(services: Services) -> None:
    character = await make_character(services, greeting="Hello, {{user}}.", alternate_greetings=["Hey."])
    conversation = await services.conversations.create(LOCAL_OWNER, character.id, {})
    await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, TOLD)
    _, count = await services.conversations.clear_history(LOCAL_OWNER, conversation.id)
    assert count == 6
    assert await history(services, conversation.id) == [{"role": "assistant", "content": "Hello, User."}]
    await services.conversations.clear_history(LOCAL_OWNER, conversation.id, include_greeting=False)
    assert await history(services, conversation.id) == []
