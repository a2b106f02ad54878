"""The model names a conversation that nobody has named, when it has nothing else to do."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models import LOCAL_OWNER, Database, FailureCode, FinishReason, TitleSource
from services import Services
from services.engines import EngineError
from services.replies.options import ReplyMode, ReplyOptions
from services.replies.titles import INSTRUCTION, title_in
from services.settings import Settings
from tests.conftest import opened
from tests.support.makers import TestEngine, make_conversation, until

WAIT, BACKGROUND = ReplyOptions(ReplyMode.WAIT), ReplyOptions(ReplyMode.BACKGROUND)


@pytest.fixture
async def services(settings: Settings, database: Database, engine: TestEngine) -> AsyncIterator[Services]:
    async with opened(settings.model_copy(update={"titles": "on"}), database, engine) as services:
        yield services


async def titled(services: Services, conversation_id: str) -> tuple[str, TitleSource]:
    [conversation] = await services.conversations.by_ids(LOCAL_OWNER, [conversation_id])
    assert conversation is not None
    return conversation.title, conversation.title_source


async def say(services: Services, conversation_id: str, engine: TestEngine, *answers: str) -> None:
    for answer in answers:
        engine.answer(answer)
    await services.replies.send(LOCAL_OWNER, conversation_id, "Will it rain?", None, WAIT)


async def test_a_conversation_is_named_after_its_first_reply(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    version = conversation.version
    await say(services, conversation.id, engine, "Not today.", '"Rain at Sea."\n')
    await until(lambda: len(engine.prompts) == 2)
    await until(lambda: not services.writer._titles._tasks)
    assert await titled(services, conversation.id) == ("Rain at Sea", TitleSource.GENERATED)
    [named] = await services.conversations.by_ids(LOCAL_OWNER, [conversation.id])
    assert named is not None
    assert named.version == version + 1


async def test_the_question_is_the_prompt_of_the_reply_and_more(services: Services, engine: TestEngine) -> None:
    """Else the engine's prompt cache would be of no use to the next reply."""
    conversation = await make_conversation(services)
    await say(services, conversation.id, engine, "Not today.", "Rain")
    await until(lambda: len(engine.prompts) == 2)
    reply, title = engine.prompts
    assert list(title.turns[: len(reply.turns)]) == list(reply.turns)
    assert [turn.content for turn in title.turns[len(reply.turns) :]] == ["Not today.", INSTRUCTION]
    assert title.generation.max_tokens == 24


async def test_a_title_is_written_once_and_replaces_nothing(services: Services, engine: TestEngine) -> None:
    conversation, named = await make_conversation(services), await make_conversation(services, title="Mine")
    await say(services, conversation.id, engine, "Not today.", "Rain")
    await until(lambda: len(engine.prompts) == 2)
    await until(lambda: not services.writer._titles._tasks)
    await say(services, conversation.id, engine, "Perhaps.")
    await say(services, named.id, engine, "Yes.")
    await until(lambda: not services.writer._titles._tasks)
    assert len(engine.prompts) == 4
    assert await titled(services, conversation.id) == ("Rain", TitleSource.GENERATED)
    assert await titled(services, named.id) == ("Mine", TitleSource.USER)


async def test_a_title_of_the_user_that_comes_meanwhile_stays(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    await say(services, conversation.id, engine, "Not today.")
    await until(lambda: len(engine.prompts) == 2)
    await services.conversations.update(LOCAL_OWNER, conversation.id, {"title": "Mine"})
    engine.answer("Rain")
    await until(lambda: not services.writer._titles._tasks)
    assert await titled(services, conversation.id) == ("Mine", TitleSource.USER)


async def test_a_reply_that_comes_has_the_engine_at_once(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    await say(services, conversation.id, engine, "Not today.")
    await until(lambda: len(engine.prompts) == 2)
    await services.replies.send(LOCAL_OWNER, conversation.id, "And tomorrow?", None, BACKGROUND)
    await until(lambda: engine.closed == 2)
    assert await titled(services, conversation.id) == ("New conversation", TitleSource.DEFAULT)
    engine.answer("Tomorrow.")
    engine.answer("The Weather")
    await until(lambda: len(engine.prompts) == 4)
    await until(lambda: not services.writer._titles._tasks)
    assert await titled(services, conversation.id) == ("The Weather", TitleSource.GENERATED)


async def test_no_title_is_asked_for_while_a_reply_is_written(services: Services, engine: TestEngine) -> None:
    one, other = await make_conversation(services), await make_conversation(services)
    await services.replies.send(LOCAL_OWNER, one.id, "Hello", None, BACKGROUND)
    await services.replies.send(LOCAL_OWNER, other.id, "Hello", None, BACKGROUND)
    await until(lambda: len(engine.prompts) == 2)
    engine.say(FinishReason.END)
    await until(lambda: len(services.writer.keys) == 1)
    await asyncio.sleep(0.05)
    assert len(engine.prompts) == 2
    engine.answer("Hi.")
    await until(lambda: len(engine.prompts) == 3)


async def test_a_failure_leaves_the_title_for_the_next_reply(services: Services, engine: TestEngine) -> None:
    conversation = await make_conversation(services)
    engine.answer("Not today.")
    engine.say(EngineError(FailureCode.RATE_LIMITED, "Too many requests.", retryable=True))
    await services.replies.send(LOCAL_OWNER, conversation.id, "Will it rain?", None, WAIT)
    await until(lambda: engine.closed == 2)
    assert (await titled(services, conversation.id))[1] is TitleSource.DEFAULT
    await say(services, conversation.id, engine, "Not today.", "Rain")
    await until(lambda: len(engine.prompts) == 4)
    await until(lambda: not services.writer._titles._tasks)
    assert await titled(services, conversation.id) == ("Rain", TitleSource.GENERATED)


@pytest.mark.parametrize(
    ("chosen", "engine", "expected"),
    [
        ("auto", "openai", True),
        ("auto", "local", False),
        ("auto", "builtin", False),
        ("on", "local", True),
        ("off", "openai", False),
    ],
)
def test_small_engines_name_nothing_unless_they_are_told_to(
    settings: Settings, chosen: str, engine: str, expected: bool
) -> None:
    assert settings.model_copy(update={"titles": chosen}).writes_titles(engine) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Rain at Sea", "Rain at Sea"),
        ('  "Rain at Sea."\n\nI chose it because …', "Rain at Sea"),
        ("Title: **The Lighthouse**", "The Lighthouse"),
        ("# The Lighthouse", "The Lighthouse"),
        ("「灯台」", "「灯台」"),
        ("Ship: a story", "Ship: a story"),
        ("<think>A storm, a light …</think>\n\nRain at Sea", "Rain at Sea"),
        ("<think>A storm, a light …", ""),
        ("**Title:**\n\nRain at Sea", "Rain at Sea"),
        ("\n\n", ""),
        ("...", ""),
        ("Sail " * 40, "Sail " * 11 + "Sail…"),
    ],
)
def test_what_a_model_writes_around_a_title_is_left_out(answer: str, expected: str) -> None:
    assert title_in(answer) == expected
