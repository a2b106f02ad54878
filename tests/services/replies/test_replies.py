"""Speaking: who may begin a reply, what the same key does twice, and where replies go in the tree."""

import asyncio

import pytest
from sqlalchemy import func, select

from models import LOCAL_OWNER, Database, Message, Role, Run, Status, everyone
from services import Services
from services.engines import PromptTurn
from services.errors import IdempotencyConflict, InvalidInput, NotFound, ReplyInProgress, WrongRole
from services.messages import TreePosition
from services.paging import PageArguments
from services.replies.options import BusyPolicy, ReplyMode, ReplyOptions, SentReply
from services.streaming.events import ReplyDelta
from tests.support.makers import TestEngine, make_character, make_conversation, make_history, until

WHOLE = PageArguments(first=100)
BACKGROUND = ReplyOptions(ReplyMode.BACKGROUND)
NONE = ReplyOptions(ReplyMode.NONE)
WAIT = ReplyOptions(ReplyMode.WAIT)


async def say(services: Services, conversation: str, content: str, wish: ReplyOptions = WAIT) -> SentReply:
    return await services.replies.send(LOCAL_OWNER, conversation, content, None, wish)


async def history(services: Services, conversation: str) -> list[str]:
    [found] = await services.chat_histories.of_conversations(LOCAL_OWNER, [conversation])
    return [item["content"] for item in found]


async def test_of_many_sends_at_once_one_wins_and_the_rest_are_refused(
    services: Services, database: Database, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    sends = [say(services, conversation.id, f"number {n}", BACKGROUND) for n in range(50)]
    done = await asyncio.gather(*sends, return_exceptions=True)
    won = [one for one in done if isinstance(one, SentReply)]
    refused = [one for one in done if isinstance(one, ReplyInProgress)]
    assert (len(won), len(refused)) == (1, 49)
    assert {one.active_reply.id for one in refused} == {won[0].reply.id}
    engine.answer("Only one.")
    await services.streams.until_ended(LOCAL_OWNER, conversation.id, won[0].run)
    assert await history(services, conversation.id) == [won[0].message.content, "Only one."]


async def test_if_busy_stop_stops_first_and_loses_nothing(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    await say(services, conversation.id, "First", BACKGROUND)
    engine.say("Half")
    stopping = ReplyOptions(ReplyMode.BACKGROUND, BusyPolicy.STOP)
    sends = [say(services, conversation.id, f"then {n}", stopping) for n in range(5)]
    done = await asyncio.gather(*sends)
    assert len({one.reply.id for one in done}) == 5
    await services.replies.stop(LOCAL_OWNER, conversation.id)
    said = [content for content in await history(services, conversation.id) if content != "Half"]
    assert sorted(said) == ["First", *(f"then {n}" for n in range(5))]


async def test_the_same_key_says_it_once(services: Services, database: Database, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    keyed = ReplyOptions(ReplyMode.WAIT, idempotency_key="k1")
    sends = asyncio.gather(*(say(services, conversation.id, "Once", keyed) for _ in range(50)))
    engine.answer("Heard.")
    done = await sends
    assert len({(one.message.id, one.reply.id, one.stream_cursor) for one in done}) == 1
    assert {one.reply.content for one in done} == {"Heard."}
    assert len(engine.prompts) == 1
    again = await say(services, conversation.id, "Once", keyed)
    assert again.reply.id == done[0].reply.id
    with pytest.raises(IdempotencyConflict):
        await say(services, conversation.id, "Something else", keyed)
    async with database.read(everyone()) as session:
        assert await session.scalar(select(func.count()).select_from(Run)) == 1


async def test_a_caller_that_leaves_changes_nothing(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    waiting = asyncio.create_task(say(services, conversation.id, "Bye"))
    await until(lambda: services.writer.keys)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    engine.answer("Still written.")
    await services.streams.until_ended(LOCAL_OWNER, conversation.id, 3)
    assert await history(services, conversation.id) == ["Bye", "Still written."]


async def test_waiting_has_a_limit_and_the_reply_goes_on(services: Services, engine: TestEngine) -> None:
    services.replies.wait_limit = 0.05
    conversation = await make_conversation(services)
    engine.say("Slow")
    sent = await say(services, conversation.id, "Hello")
    assert (sent.reply.status, sent.reply.content) == (Status.STREAMING, "Slow")
    engine.answer(" but sure.")
    await services.streams.until_ended(LOCAL_OWNER, conversation.id, 3)
    assert await history(services, conversation.id) == ["Hello", "Slow but sure."]


async def test_what_none_left_unanswered_can_be_asked_for(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    sent = await say(services, conversation.id, "Hello", NONE)
    assert (sent.reply, sent.stream_cursor) == (None, None)
    engine.answer("Here I am.")
    asked = await services.replies.request(LOCAL_OWNER, conversation.id, None, WAIT)
    assert asked.reply.parent_id == sent.message.id
    assert await history(services, conversation.id) == ["Hello", "Here I am."]


async def test_none_writes_nothing_whatever_asks_for_it(
    services: Services, database: Database, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    engine.answer("Here I am.")
    reply = (await say(services, conversation.id, "Hello")).reply
    for asking in (
        services.replies.continue_reply(LOCAL_OWNER, reply.id, NONE),
        services.replies.request(LOCAL_OWNER, conversation.id, None, NONE),
        services.replies.regenerate(LOCAL_OWNER, reply.id, NONE),
    ):
        asked = await asking
        assert (asked.reply, asked.run, asked.stream_cursor) == (None, None, None)
    async with database.read(everyone()) as session:
        assert await session.scalar(select(func.count()).select_from(Run)) == 1
    assert await history(services, conversation.id) == ["Hello", "Here I am."]


async def test_regenerating_keeps_the_old_answer_beside_the_new(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    engine.answer("One.")
    first = await say(services, conversation.id, "Count")
    engine.answer("Eins.")
    second = await services.replies.regenerate(LOCAL_OWNER, first.reply.id, WAIT)
    [[*siblings]] = await services.messages.alternatives(
        LOCAL_OWNER, [TreePosition(conversation.id, first.message.id)], 20
    )
    assert [(one.content, one.active) for one in siblings] == [("One.", False), ("Eins.", True)]
    assert second.reply.position == first.reply.position
    assert [turn.content for turn in engine.prompts[1].turns][-1] == "Count"
    with pytest.raises(WrongRole):
        await services.replies.regenerate(LOCAL_OWNER, first.message.id, WAIT)


async def test_continuing_writes_on_in_the_same_message(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(
        services, await make_character(services, post_history_instructions="Go on.")
    )
    engine.say("Half a ")
    first = await say(services, conversation.id, "Go", BACKGROUND)
    live = await services.streams.watch(LOCAL_OWNER, conversation.id)
    while not isinstance(await anext(live), ReplyDelta):
        pass
    await services.replies.stop(LOCAL_OWNER, conversation.id)
    engine.answer("sentence.")
    whole = await services.replies.continue_reply(LOCAL_OWNER, first.reply.id, WAIT)
    assert whole.reply.id == first.reply.id
    assert (whole.reply.content, whole.reply.status) == ("Half a sentence.", Status.COMPLETED)
    assert [prompt.continues for prompt in engine.prompts] == [False, True]
    assert engine.prompts[1].turns == [*engine.prompts[0].turns, PromptTurn(Role.ASSISTANT, "Half a ")]


async def test_only_the_last_reply_can_be_continued(services: Services) -> None:
    conversation = await make_history(services, "a", "b", "c", "d")
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], WHOLE)
    with pytest.raises(InvalidInput):
        await services.replies.continue_reply(LOCAL_OWNER, page.nodes[1].id, WAIT)
    with pytest.raises(WrongRole):
        await services.replies.continue_reply(LOCAL_OWNER, page.nodes[2].id, WAIT)


async def test_an_alternative_of_what_the_user_said_is_answered(services: Services, engine: TestEngine) -> None:
    conversation = await make_history(services, "Hello", "Hi.")
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], WHOLE)
    engine.answer("Good day.")
    added = await services.replies.add_alternative(LOCAL_OWNER, page.nodes[0].id, "Good morning", WAIT)
    assert added.message.role is Role.USER
    assert await history(services, conversation.id) == ["Good morning", "Good day."]
    own = await services.replies.add_alternative(LOCAL_OWNER, added.reply.id, "My words for you", WAIT)
    assert (own.message.role, own.reply) == (Role.ASSISTANT, None)


async def test_while_a_reply_is_written_the_history_cannot_be_turned(services: Services) -> None:
    conversation = await make_history(services, "Hello", "Hi.")
    sent = await say(services, conversation.id, "More", BACKGROUND)
    messages, replies = services.messages, services.replies
    for refused in (
        messages.select(LOCAL_OWNER, sent.message.id),
        services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, []),
        messages.edit(LOCAL_OWNER, sent.reply.id, "mine"),
        replies.regenerate(LOCAL_OWNER, sent.reply.id, WAIT),
        replies.continue_reply(LOCAL_OWNER, sent.reply.id, WAIT),
        replies.add_alternative(LOCAL_OWNER, sent.message.id, "x", WAIT),
        replies.request(LOCAL_OWNER, conversation.id, None, WAIT),
    ):
        with pytest.raises(ReplyInProgress):
            await refused
    edited, _ = await messages.edit(LOCAL_OWNER, sent.message.id, "But this can.")
    assert edited.edited_at is not None


async def test_a_fork_copies_a_running_reply_as_interrupted(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    sent = await say(services, conversation.id, "Go", BACKGROUND)
    fork = await services.conversations.fork(LOCAL_OWNER, conversation.id)
    [page] = await services.messages.path_pages(LOCAL_OWNER, [fork.id], WHOLE)
    assert [(one.role, one.status) for one in page.nodes] == [
        (Role.USER, Status.COMPLETED),
        (Role.ASSISTANT, Status.INTERRUPTED),
    ]
    assert fork.forked_from_id == sent.reply.id
    assert fork.id != conversation.id


async def test_what_is_not_there_is_not_found(services: Services) -> None:
    conversation = await make_conversation(services)
    other = await make_history(services, "elsewhere")
    [page] = await services.messages.path_pages(LOCAL_OWNER, [other.id], WHOLE)
    for id in ("", "nonsense", "conv_" + "0" * 32, "conv_" + "f" * 32, page.nodes[0].id, "conv_\0"):
        with pytest.raises(NotFound):
            await say(services, id, "Hello")
    with pytest.raises(NotFound):
        await services.replies.send(LOCAL_OWNER, conversation.id, "Hello", page.nodes[0].id, WAIT)


@pytest.mark.parametrize("content", ["", " \n", "a\0b", "\ud800", "x" * 100_001])
async def test_what_cannot_be_stored_is_refused(content: str, services: Services) -> None:
    conversation = await make_conversation(services)
    with pytest.raises(InvalidInput) as refusal:
        await say(services, conversation.id, content)
    assert refusal.value.path == ["content"]


async def test_the_prompt_tells_who_speaks_and_keeps_the_newest_that_fits(
    services: Services, engine: TestEngine
) -> None:
    character = await make_character(
        services, "Ada", personality="Kind to {{user}}.", post_history_instructions="Be {{char}}."
    )
    conversation = await make_history(services, *(f"{n} " + "word " * 250 for n in range(12)), character=character)
    engine.answer("Yes.")
    await say(services, conversation.id, "And now?")
    [opening, *turns, closing] = engine.prompts[0].turns
    assert opening.role is Role.SYSTEM
    assert "Kind to User." in opening.content
    assert closing.content == "Be Ada."
    assert turns[-1].content == "And now?"
    assert [turn.content.split()[0] for turn in turns[:-1]] == ["10", "11"]


async def test_a_message_too_long_for_the_model_fails_and_is_kept(services: Services) -> None:
    conversation = await make_conversation(services)
    sent = await say(services, conversation.id, "word " * 2000)
    assert sent.reply.status is Status.FAILED
    assert sent.reply.failure.code == "CONTEXT_TOO_LONG"
    assert (await history(services, conversation.id)) == ["word " * 2000]


async def test_deleting_a_message_ends_a_reply_below_it(
    services: Services, database: Database, engine: TestEngine
) -> None:
    conversation = await make_history(services, "Hello", "Hi.")
    sent = await say(services, conversation.id, "More", BACKGROUND)
    gone, after = await services.messages.delete(LOCAL_OWNER, sent.message.id)
    assert set(gone) == {sent.message.id, sent.reply.id}
    assert after.message_count == 2
    engine.answer("For nobody.")
    async with database.read(everyone()) as session:
        assert await session.scalar(select(func.count()).select_from(Message)) == 2
