"""Branches come back as they were left, histories are taken back as given out, and nothing shown is written."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from models import LOCAL_OWNER, Database, Status
from resolvers import conversations as conversation_fields
from resolvers import messages as message_fields
from resolvers.context import Context
from services import Services
from services.access.identity import LOCAL
from services.errors import InvalidInput
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from tests.support.makers import TestEngine, make_character, make_conversation, make_history, until

NONE = ReplyOptions(ReplyMode.NONE)
BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)
WHOLE = PageArguments(first=100)

FOREIGN: list[dict[str, Any]] = [
    {"role": "user", "content": "What is 6 × 7?"},
    {"role": "tool", "content": "42", "tool_call_id": "t1"},
    {"role": "Narrator", "content": "Meanwhile …", "mood": {"b": 1, "a": 2}},
    {"role": "USER", "content": "shouting"},
    {"role": 5, "content": "an odd one"},
    {"role": None, "content": ""},
    {"role": "assistant", "content": "x" * 100_001},
]


async def path(services: Services, conversation_id: str) -> list[str]:
    [found] = await services.chat_histories.of_conversations(LOCAL_OWNER, [conversation_id])
    return [item["content"] for item in found]


async def test_deleting_a_selected_message_off_the_path_hides_no_sibling(services: Services) -> None:
    conversation = await make_history(services, "root", "A", "below A")
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], WHOLE)
    root, answer, _ = page.nodes
    second = await services.replies.add_alternative(LOCAL_OWNER, answer.id, "A2", NONE)
    await services.replies.add_alternative(LOCAL_OWNER, root.id, "root 2", NONE)
    await services.messages.delete(LOCAL_OWNER, second.message.id)
    await services.messages.select(LOCAL_OWNER, root.id)
    assert await path(services, conversation.id) == ["root", "A", "below A"]


async def test_a_history_with_any_role_and_length_is_taken_back_as_it_was_given_out(services: Services) -> None:
    character = await make_character(services)
    first = await services.chat_histories.import_history(LOCAL_OWNER, character.id, FOREIGN)
    [given] = await services.chat_histories.of_conversations(LOCAL_OWNER, [first.id])
    assert given == FOREIGN
    same = await services.chat_histories.replace_history(LOCAL_OWNER, first.id, given)
    assert same.history_version == first.history_version
    given[0]["content"] = "What is 6 × 8?"
    changed = await services.chat_histories.replace_history(LOCAL_OWNER, first.id, given)
    assert await path(services, changed.id) == [item["content"] for item in given]
    again = await services.chat_histories.import_history(LOCAL_OWNER, character.id, given)
    [round_trip] = await services.chat_histories.of_conversations(LOCAL_OWNER, [again.id])
    assert round_trip == given


async def test_forking_a_running_reply_writes_nothing_into_it(
    services: Services, engine: TestEngine, statements: list[str]
) -> None:
    services.writer.checkpoints.interval = 60
    conversation = await make_conversation(services)
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
    engine.say("Half")
    await until(lambda: len(services.writer._broker.live(conversation.id)))
    statements.clear()
    fork = await services.conversations.fork(LOCAL_OWNER, conversation.id)
    assert [one for one in statements if one.startswith("UPDATE messages") and "content" in one] == []
    [copies] = await services.messages.path_pages(LOCAL_OWNER, [fork.id], WHOLE)
    assert (copies.nodes[-1].content, copies.nodes[-1].status) == ("Half", Status.INTERRUPTED)
    [shown] = await services.messages.by_ids(LOCAL_OWNER, [sent.reply.id])
    assert (shown.message.content, shown.message.status) == ("Half", Status.STREAMING)


async def test_a_stream_cursor_is_never_newer_than_a_text_beside_it(
    services: Services, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "Go", None, BACKGROUND)
    engine.say("abc")
    await until(lambda: len(services.writer._broker.live(conversation.id)))
    info: Any = SimpleNamespace(context=Context(services, LOCAL))
    message = await message_fields.by_id(info, sent.reply.id)
    assert message.content == "abc"
    engine.answer(" and the end")
    await services.streams.until_ended(LOCAL_OWNER, conversation.id, sent.run)
    later = await conversation_fields.of_message(message, info)
    cursor = conversation_fields.stream_cursor(later, info)
    events = await services.streams.watch(LOCAL_OWNER, conversation.id, cursor, until_done=True)
    async with asyncio.timeout(10):
        contents = [event.as_of.content async for event in events]
    assert contents[-1] == "abc and the end"


async def test_a_greeting_that_grows_too_long_by_its_names_is_refused(services: Services) -> None:
    character = await make_character(services, "N" * 200, greeting="{{char}}" * 10_000)
    with pytest.raises(InvalidInput, match="2,000,000 characters with its macros expanded") as refusal:
        await services.conversations.create(LOCAL_OWNER, character.id, {})
    assert refusal.value.path == ["include_greeting"]
    assert await services.conversations.create(LOCAL_OWNER, character.id, {}, include_greeting=False)


async def test_what_a_list_must_load_with_each_character_is_limited(services: Services) -> None:
    with pytest.raises(InvalidInput, match="500,001 characters together"):
        await make_character(services, greeting="x", alternate_greetings=["y" * 100_000] * 5)
    made = await make_character(services, metadata={"a": "x" * 200_000})
    with pytest.raises(InvalidInput, match=r"bytes of JSON; the limit is 262,144"):
        await services.characters.update(LOCAL_OWNER, made.id, {"metadata": {"b": "y" * 100_000}})


async def test_selecting_a_deep_leaf_costs_the_same_number_of_statements_at_any_depth(
    services: Services, statements: list[str]
) -> None:
    counts = []
    for depth in (5, 500):
        conversation = await make_history(services, *["x"] * depth)
        [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], PageArguments(last=1))
        leaf = page.nodes[0]
        history = [{"role": "user", "content": "y"}] * 3
        await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, history)
        statements.clear()
        await services.messages.select(LOCAL_OWNER, leaf.id)
        counts.append(len(statements))
        assert await path(services, conversation.id) == ["x"] * depth
    assert counts[0] == counts[1] <= 10


@pytest.mark.sqlite
async def test_a_long_history_is_compared_before_the_lock_is_taken(
    services: Services, database: Database, statements: list[str]
) -> None:
    conversation = await make_history(services, *["x"] * 3000)
    [history] = await services.chat_histories.of_conversations(LOCAL_OWNER, [conversation.id])
    history[-1]["content"] = "y"
    statements.clear()
    await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, history)
    begun = next(index for index, one in enumerate(statements) if one.startswith("BEGIN IMMEDIATE"))
    pages = [one for one in statements[begun:] if one.startswith("SELECT") and "LIMIT" in one and "content" in one]
    assert pages == []


async def test_two_changes_at_once_never_get_one_version(services: Services) -> None:
    conversation = await make_history(services, "a", "b", "c")
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], WHOLE)
    edits = [services.messages.edit(LOCAL_OWNER, page.nodes[n % 3].id, f"edit {n}") for n in range(30)]
    done = await asyncio.gather(*edits)
    assert len({message.edited_version for message, _ in done}) == 30
