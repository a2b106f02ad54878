"""Replies over OpenAI's wire: what is asked, what is read, and who waits."""

import asyncio
from contextlib import aclosing

import httpx2
import pytest

from models import FailureCode, FinishReason, Generation, Role, TokenUsage
from services.engines import Prompt, Turn
from tests.services.engines.conftest import KEY
from tests.services.engines.provider import tell
from tests.services.engines.replies import HELLO, begun, code_of, failed, pieces_of, text_of


def saying(*contents: str, finish: str = "stop"):
    async def script(answer):
        await answer.begin()
        for content in contents:
            await answer.delta(content)
        await answer.delta(finish=finish)
        await answer.done()

    return script


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


async def test_the_request_names_key_model_and_turns_and_only_the_wishes_there_are(engine, provider):
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


async def test_wishes_go_over_what_every_request_has(make_engine, provider):
    engine = make_engine(extra={"min_p": 0.1, "temperature": 0.5})
    wishes = Generation("other", 0.0, 0.9, 7, ["\n"], 0)
    await text_of(engine, Prompt(HELLO.turns, "Ada", wishes))
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


@pytest.mark.parametrize("said, word", [("Unknown field stream_options", "stream_options"), ("", None)])
async def test_a_server_that_knows_no_stream_options_is_asked_without(engine, provider, said, word):
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


async def test_a_server_that_renamed_max_tokens_is_asked_in_its_words(engine, provider):
    async def script(answer):
        if "max_tokens" in answer.request.body:
            said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            await answer.whole(400, {"error": {"message": said}})
        else:
            await tell(answer)

    provider.plays(script)
    await text_of(engine, Prompt(HELLO.turns, "Ada", Generation(max_tokens=9)))
    assert provider.requests[-1].body["max_completion_tokens"] == 9


async def test_characters_cut_by_the_network_stay_whole(engine, provider):
    async def script(answer):
        await answer.begin()
        event = 'data: {"choices":[{"delta":{"content":"grüß 日本 🦊"}}]}\n\n'.encode()
        for byte in event:
            await answer.bytes(bytes([byte]))
        await answer.delta(finish="stop")
        await answer.done()

    provider.plays(script)
    assert await text_of(engine) == "grüß 日本 🦊"


async def test_characters_cut_by_the_provider_are_joined_and_unstorable_ones_replaced(engine, provider):
    async def script(answer):
        await answer.begin()
        for content in ("fox \\ud83e", "\\udd8a", " \\ude00 a\\u0000b", " \\ud83e"):
            await answer.event(f'{{"choices":[{{"delta":{{"content":"{content}"}}}}]}}')
        await answer.delta(finish="stop")
        await answer.done()

    provider.plays(script)
    assert await text_of(engine) == "fox 🦊 \ufffd ab "


async def test_reasoning_is_progress_but_no_text(engine, provider):
    async def script(answer):
        await answer.begin()
        await answer.delta(role="assistant")
        await answer.delta(reasoning_content="Hm, a story …")
        await answer.delta(reasoning="or a song")
        await answer.event({"choices": [{"delta": {"content": [{"type": "thinking", "thinking": []}]}}]})
        await answer.delta("Once.", finish="stop")
        await answer.done()

    provider.plays(script)
    assert [piece.text for piece in await pieces_of(engine)] == ["", "", "", "", "Once.", ""]


@pytest.mark.parametrize(
    "said, meant", [("stop", "END"), ("length", "LENGTH"), ("tool_calls", "END"), ("eos", "END")]
)
async def test_the_reason_to_finish_is_kept(engine, provider, said, meant):
    provider.plays(saying("text", finish=said))
    assert (await pieces_of(engine))[-1].finish == meant


async def test_usage_that_nobody_counted_is_estimated_and_says_so(engine, provider):
    provider.plays(saying("a b c"))
    usage = (await pieces_of(engine))[-1].usage
    assert usage.estimated
    assert usage.prompt_tokens > usage.completion_tokens > 0


@pytest.mark.parametrize("after", [lambda answer: answer.reset(), lambda answer: None])
async def test_a_reply_that_has_ended_is_whole_whatever_the_connection_does(engine, provider, after):
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


async def test_replies_beyond_the_limit_wait_their_turn_and_one_that_leaves_is_passed_over(make_engine, provider):
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
    asked = [Prompt([Turn(Role.USER, str(number))], "Ada") for number in range(5)]
    tasks = [asyncio.create_task(text_of(engine, prompt)) for prompt in asked]
    await begun_with.wait()
    tasks[2].cancel()
    go_on.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["0", "1", "3", "4"]


async def test_waiting_for_a_place_costs_no_patience(make_engine, provider):
    engine = make_engine(max_replies=1, timeout=0.05)

    async def script(answer):
        await answer.begin()
        await answer.delta("Once")
        await answer.until_closed()

    provider.plays(script)
    holding = engine.reply(HELLO)
    await anext(holding)
    waiting = asyncio.create_task(code_of(engine))
    # Three times its patience; it would have failed by now if its clock ran.
    assert (await asyncio.wait([waiting], timeout=0.15))[0] == set()
    await holding.aclose()
    assert await waiting is FailureCode.ENGINE_TIMEOUT


async def test_a_beginning_is_left_to_a_server_that_writes_on(make_engine, provider):
    provider.plays(saying(" door", " opened."))
    engine = make_engine(continues_turns=True)
    assert await text_of(engine, begun("Then the")) == " door opened."
    assert provider.requests[0].body["messages"][-1] == {"role": "assistant", "content": "Then the"}


async def test_another_server_is_asked_to_go_on_and_the_words_are_kept_apart(engine, provider):
    provider.plays(saying("door", " opened."))
    assert await text_of(engine, begun("Then the")) == " door opened."
    assert [message["role"] for message in provider.requests[0].body["messages"]][-2:] == ["assistant", "user"]
    assert "do not repeat" in provider.requests[0].body["messages"][-1]["content"]


async def test_white_space_at_the_end_of_a_beginning_is_not_doubled(make_engine, provider):
    provider.plays(saying(" ", " door"))
    engine = make_engine(continues_turns=True)
    assert await text_of(engine, begun("Then the ")) == "door"
    assert provider.requests[0].body["messages"][-1]["content"] == "Then the"


async def test_going_on_with_a_reply_that_was_whole_may_add_nothing(engine, provider):
    provider.plays(saying())
    assert await text_of(engine, begun("The end.")) == ""


async def test_a_blank_beginning_is_none(engine, provider):
    provider.plays(saying(" Once"))
    assert await text_of(engine, begun(" ")) == " Once"
    assert provider.requests[0].body["messages"][-1]["role"] == "user"


async def test_a_password_in_the_address_is_sent_as_a_header_and_its_query_kept(make_engine, provider):
    url = provider.url.replace("//", "//me:pass@") + "/?version=2"
    await text_of(make_engine(url=url, key=None))
    assert provider.requests[0].path == "/v1/chat/completions?version=2"
    assert provider.requests[0].headers["authorization"].startswith("Basic ")


async def test_a_transport_of_ones_own_carries_the_requests(make_engine):
    engine = make_engine(transport=httpx2.MockTransport(lambda request: httpx2.Response(404)))
    assert (await failed(engine))[1].code is FailureCode.ENGINE_REFUSED
