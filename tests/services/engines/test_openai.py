"""Tests of the OpenAI-compatible engine: requests, streamed replies, and the limit of parallel replies."""

import asyncio
from contextlib import aclosing

import pytest

from models import FailureCode, FinishReason, Generation, Role, TokenUsage
from services.engines import Prompt, PromptTurn
from services.engines.completion import Dialect
from tests.services.engines.conftest import KEY
from tests.services.engines.provider import saying, tell
from tests.services.engines.replies import HELLO, begun, code_of, pieces_of, text_of


async def test_a_reply_comes_piece_by_piece_with_finish_usage_and_model_at_its_end(engine):
    pieces = await pieces_of(engine)
    assert [piece.text for piece in pieces if piece.text] == ["Once", " upon", " a time."]
    assert [piece for piece in pieces if piece.finish] == [pieces[-1]]
    assert pieces[-1].finish is FinishReason.END
    assert pieces[-1].usage == TokenUsage(11, 3, estimated=False)
    assert pieces[-1].model == "tale-1"


async def test_the_first_piece_comes_before_the_provider_has_the_second(engine, provider):
    seen = asyncio.Event()

    async def script(answer):
        await answer.begin()
        await answer.delta("first")
        await seen.wait()
        await answer.delta("second", finish="stop")
        await answer.done()

    provider.plays(script)
    async with aclosing(engine.reply(HELLO)) as pieces:
        assert (await anext(pieces)).text == "first"
        seen.set()
        assert "".join([piece.text async for piece in pieces]) == "second"


async def test_the_request_has_key_model_messages_and_only_the_options_that_are_set(engine, provider):
    await text_of(engine)
    request = provider.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "tale-1",
        "messages": [
            {"role": "system", "content": "You are Ada."},
            {"role": "user", "content": "Tell me a story."},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_options_of_the_prompt_override_those_of_the_provider(make_engine, provider):
    engine = make_engine(extra={"min_p": 0.1, "temperature": 0.5})
    options = Generation("other", 0.0, 0.9, 7, ["\n"], 0)
    await text_of(engine, Prompt(HELLO.turns, "Ada", options))
    assert {name: provider.requests[0].body[name] for name in ("model", "min_p", "temperature", "top_p")} == {
        "model": "other",
        "min_p": 0.1,
        "temperature": 0.0,
        "top_p": 0.9,
    }
    assert {name: provider.requests[0].body[name] for name in ("max_tokens", "stop", "seed")} == {
        "max_tokens": 7,
        "stop": ["\n"],
        "seed": 0,
    }


async def test_options_that_a_server_does_not_have_are_left_out_after_it_said_so(engine, provider):
    """OpenAI itself refuses min_p and top_k, one at a time."""

    async def script(answer):
        for name in ("top_k", "min_p"):
            if name in answer.request.body:
                await answer.whole(400, {"error": {"message": f"Unrecognized request argument supplied: {name}"}})
                return
        await tell(answer)

    provider.plays(script)
    options = Generation(min_p=0.1, top_k=40, frequency_penalty=0.5, presence_penalty=-0.5)
    for _ in range(2):
        assert await text_of(engine, Prompt(HELLO.turns, "Ada", options)) == "Once upon a time."
    bodies = [request.body for request in provider.requests]
    assert [("top_k" in body, "min_p" in body) for body in bodies] == [
        (True, True),
        (False, True),
        (False, False),
        (False, False),
    ]
    assert (bodies[-1]["frequency_penalty"], bodies[-1]["presence_penalty"]) == (0.5, -0.5)


@pytest.mark.parametrize("said, word", [("Unknown field stream_options", "stream_options"), ("", None)])
async def test_stream_options_are_omitted_for_a_server_that_rejects_them(engine, provider, said, word):
    async def script(answer):
        if "stream_options" in answer.request.body:
            await answer.whole(400, {"error": {"message": said}})
        else:
            await tell(answer)

    provider.plays(script)
    if word:
        assert await text_of(engine) == await text_of(engine) == "Once upon a time."
        assert len(provider.requests) == 3
    else:
        assert await code_of(engine) is FailureCode.ENGINE_REFUSED


async def test_max_completion_tokens_is_sent_to_a_server_that_asks_for_it(engine, provider):
    async def script(answer):
        if "max_tokens" in answer.request.body:
            said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            await answer.whole(400, {"error": {"message": said}})
        else:
            await tell(answer)

    provider.plays(script)
    await text_of(engine, Prompt(HELLO.turns, "Ada", Generation(max_tokens=9)))
    assert provider.requests[-1].body["max_completion_tokens"] == 9


@pytest.mark.parametrize("after", [lambda answer: answer.reset(), lambda answer: None])
async def test_a_finished_reply_is_complete_even_if_the_connection_is_lost(engine, provider, after):
    async def script(answer):
        await answer.begin()
        await answer.delta("all", finish="stop")
        after(answer)

    provider.plays(script)
    assert (await pieces_of(engine))[-1].finish is FinishReason.END


async def test_closing_the_reply_closes_the_providers_connection(engine, provider):
    closed = asyncio.Event()

    async def script(answer):
        await answer.begin()
        await answer.delta("Once")
        await answer.until_closed()
        closed.set()

    provider.plays(script)
    pieces = engine.reply(HELLO)
    assert (await anext(pieces)).text == "Once"
    await pieces.aclose()
    await closed.wait()


@pytest.mark.parametrize("begins", [True, False])
async def test_cancelling_the_reader_closes_the_providers_connection(engine, provider, begins):
    waiting, closed = asyncio.Event(), asyncio.Event()

    async def script(answer):
        if begins:
            await answer.begin()
        waiting.set()
        await answer.until_closed()
        closed.set()

    provider.plays(script)
    reading = asyncio.create_task(text_of(engine))
    await waiting.wait()
    reading.cancel()
    await closed.wait()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_replies_beyond_the_limit_wait_in_order_and_a_cancelled_one_is_skipped(make_engine, provider):
    engine = make_engine(max_replies=1)
    begun_with, go_on = asyncio.Event(), asyncio.Event()
    order = []

    async def script(answer):
        order.append(answer.request.body["messages"][0]["content"])
        begun_with.set()
        await answer.begin()
        await go_on.wait()
        await answer.delta("x", finish="stop")
        await answer.done()

    provider.plays(script)
    asked = [Prompt([PromptTurn(Role.USER, str(number))], "Ada") for number in range(5)]
    tasks = [asyncio.create_task(text_of(engine, prompt)) for prompt in asked]
    await begun_with.wait()
    tasks[2].cancel()
    go_on.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["0", "1", "3", "4"]


async def test_waiting_for_a_slot_does_not_count_towards_the_time_out(make_engine, provider):
    engine = make_engine(max_replies=1, timeout=0.05)

    async def script(answer):
        await answer.begin()
        await answer.delta("Once")
        await answer.until_closed()

    provider.plays(script)
    holding = engine.reply(HELLO)
    await anext(holding)
    waiting = asyncio.create_task(code_of(engine))
    # Three times the time-out: the reply would have failed if waiting for a slot counted.
    assert (await asyncio.wait([waiting], timeout=0.15))[0] == set()
    await holding.aclose()
    assert await waiting is FailureCode.ENGINE_TIMEOUT


async def test_a_server_with_prefill_support_gets_the_beginning_as_the_last_message(make_engine, provider):
    provider.plays(saying(" door", " opened."))
    engine = make_engine(dialect=Dialect(supports_prefill=True))
    assert await text_of(engine, begun("Then the")) == " door opened."
    assert provider.requests[0].body["messages"][-1] == {"role": "assistant", "content": "Then the"}


async def test_a_server_without_prefill_support_gets_an_instruction_to_continue(engine, provider):
    provider.plays(saying("door", " opened."))
    assert await text_of(engine, begun("Then the")) == " door opened."
    assert [message["role"] for message in provider.requests[0].body["messages"]][-2:] == ["assistant", "user"]
    assert "do not repeat" in provider.requests[0].body["messages"][-1]["content"]


async def test_white_space_at_the_end_of_a_beginning_is_not_doubled(make_engine, provider):
    provider.plays(saying(" ", " door"))
    engine = make_engine(dialect=Dialect(supports_prefill=True))
    assert await text_of(engine, begun("Then the ")) == "door"
    assert provider.requests[0].body["messages"][-1]["content"] == "Then the"


async def test_the_continuation_of_a_complete_reply_may_be_empty(engine, provider):
    provider.plays(saying())
    assert await text_of(engine, begun("The end.")) == ""


async def test_a_blank_beginning_is_ignored(engine, provider):
    provider.plays(saying(" Once"))
    assert await text_of(engine, begun(" ")) == " Once"
    assert provider.requests[0].body["messages"][-1]["role"] == "user"


async def test_a_password_in_the_address_is_sent_as_a_header_and_its_query_kept(make_engine, provider):
    url = provider.url.replace("//", "//me:pass@") + "/?version=2"
    await text_of(make_engine(url=url, key=None))
    assert provider.requests[0].path == "/v1/chat/completions?version=2"
    assert provider.requests[0].headers["authorization"].startswith("Basic ")
