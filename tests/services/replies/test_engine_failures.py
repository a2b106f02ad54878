"""Every way an engine can fail, made by an outside server that fails on demand: the event, and the stored row."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from llmock.pytest_plugin import LLMock

from models import LOCAL_OWNER, Database, Status
from services import Services
from services.engines.connection import Patience
from services.engines.openai import OpenAIEngine, Provider
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from services.streaming.events import ReplyFailed, ReplyFinished
from tests.conftest import opened
from tests.support.makers import make_conversation

WAIT = ReplyOptions(ReplyMode.WAIT)

# How it fails, what the reply says, whether trying again may help, and whether some text came before.
FAILURES: dict[str, tuple[Callable[[LLMock], Any], str, bool, bool]] = {
    "too many requests": (
        lambda server: server.rate_limit(times=None, retry_after=30),
        "RATE_LIMITED",
        True,
        False,
    ),
    "an outage": (lambda server: server.outage(), "ENGINE_UNAVAILABLE", True, False),
    "a context overflow": (lambda server: server.context_overflow(times=None), "CONTEXT_TOO_LONG", False, False),
    "a wrong key": (lambda server: server.fail(status=401, times=None), "ENGINE_REFUSED", False, False),
    "a connection dropped": (
        lambda server: server.disconnect(after_chunks=3, times=None),
        "ENGINE_BROKE_OFF",
        True,
        True,
    ),
    "a stream cut short": (
        lambda server: server.truncate(after_chunks=3, times=None),
        "ENGINE_BROKE_OFF",
        True,
        True,
    ),
    "a chunk that is no JSON": (
        lambda server: server.corrupt(after_chunks=3, times=None),
        "ENGINE_BROKE_OFF",
        True,
        True,
    ),
    "a stall": (lambda server: server.stall(after_chunks=3, times=None), "ENGINE_TIMEOUT", True, True),
    "no first token": (lambda server: server.slow_first_token(30, times=None), "ENGINE_TIMEOUT", True, False),
}


@pytest.fixture
async def outside(llmock: LLMock, settings: Settings, database: Database) -> AsyncIterator[Services]:
    """The services with an engine that speaks to the outside server."""
    provider = Provider(llmock.base_url("openai"), key="secret-key", model="gpt-4o-mini")
    engine = OpenAIEngine("a test", provider, 4, Patience(2, pauses=(0.01,)))
    async with opened(settings.model_copy(update={"titles": "off"}), database, engine) as services:
        yield services
    await engine.close()


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_an_event_and_a_row(name: str, outside: Services, llmock: LLMock) -> None:
    break_it, code, retryable, has_text = FAILURES[name]
    llmock.reply("One two three four five six.", times=None)
    break_it(llmock)
    conversation = await make_conversation(outside)
    sent = await outside.replies.send(LOCAL_OWNER, conversation.id, "Hello", None, WAIT)
    assert sent.reply.status is Status.FAILED
    assert (sent.reply.failure.code, sent.reply.failure.retryable) == (code, retryable)
    assert "secret-key" not in sent.reply.failure.message
    assert bool(sent.reply.content) is has_text
    events = await outside.streams.watch(LOCAL_OWNER, conversation.id, sent.stream_cursor, until_done=True)
    last = [event async for event in events][-1]
    assert isinstance(last, ReplyFailed)
    assert last.failure == sent.reply.failure
    # What failed can be generated again, and nothing that was said is gone.
    llmock.reset()
    again = await outside.replies.regenerate(LOCAL_OWNER, sent.reply.id, WAIT)
    assert again.reply.status is Status.COMPLETED


async def test_a_hiccup_before_the_first_token_is_not_noticed(outside: Services, llmock: LLMock) -> None:
    llmock.fail(status=503, times=1)
    conversation = await make_conversation(outside)
    sent = await outside.replies.send(LOCAL_OWNER, conversation.id, "Hello", None, WAIT)
    assert sent.reply.status is Status.COMPLETED
    events = await outside.streams.watch(LOCAL_OWNER, conversation.id, sent.stream_cursor, until_done=True)
    assert isinstance([event async for event in events][-1], ReplyFinished)
    assert len(llmock.requests) == 2
