"""Tests of streamed chunks: text, finish reason, usage and the name of the model."""

import pytest

from models import FinishReason, TokenUsage
from tests.services.engines.provider import saying
from tests.services.engines.replies import pieces_of, text_of


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
async def test_the_finish_reason_is_mapped(engine, provider, said, meant):
    provider.plays(saying("text", finish=said))
    assert (await pieces_of(engine))[-1].finish == meant


async def test_missing_usage_is_estimated_and_marked_as_such(engine, provider):
    provider.plays(saying("a b c"))
    usage = (await pieces_of(engine))[-1].usage
    assert usage.estimated
    assert usage.prompt_tokens > usage.completion_tokens > 0


@pytest.mark.parametrize(
    "count",
    ["1e400", "Infinity", "-Infinity", "NaN", "-1", "2147483648", "9" * 4000, "true", '"12"', "null", "[]", "{}"],
)
@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens"])
async def test_an_impossible_token_count_is_replaced_by_an_estimate(engine, provider, field, count):
    other = "completion_tokens" if field == "prompt_tokens" else "prompt_tokens"
    await assert_usage(engine, provider, f'{{"{field}": {count}, "{other}": 7}}', None)


@pytest.mark.parametrize(
    "usage, counted",
    [
        ("5", None),
        ("[1, 2]", None),
        ('"many"', None),
        ('{"prompt_tokens": 2147483647, "completion_tokens": 1}', None),
        ('{"prompt_tokens": 2147483646, "completion_tokens": 1}', TokenUsage(2147483646, 1, estimated=False)),
        ('{"prompt_tokens": 12.0, "completion_tokens": 0}', TokenUsage(12, 0, estimated=False)),
    ],
)
async def test_usage_is_counted_only_if_its_total_fits_into_32_bits(engine, provider, usage, counted):
    await assert_usage(engine, provider, usage, counted)


async def assert_usage(engine, provider, usage: str, counted: TokenUsage | None) -> None:
    async def script(answer):
        await answer.begin()
        await answer.delta("text", finish="stop")
        await answer.event(f'{{"choices": [], "usage": {usage}}}')
        await answer.done()

    provider.plays(script)
    last = (await pieces_of(engine))[-1]
    assert last.finish is FinishReason.END
    assert last.usage == counted if counted else last.usage.estimated


@pytest.mark.parametrize(
    "name, storable",
    [
        ('"tale\\u0000-\\ud83e\\udd8a"', "tale-🦊"),
        ('"tale \\ud83e"', "tale \ufffd"),
        (f'"{"x" * 1_000_000}"', "x" * 200),
        ('"\\u0000"', "tale-1"),
        ('""', "tale-1"),
        ("5", "tale-1"),
        ("null", "tale-1"),
    ],
)
async def test_the_name_of_the_model_is_storable_in_every_piece(engine, provider, name, storable):
    async def script(answer):
        await answer.begin()
        await answer.event(f'{{"model": {name}, "choices": [{{"delta": {{"content": "text"}}}}]}}')
        await answer.event('{"choices": [{"delta": {}, "finish_reason": "stop"}]}')
        await answer.done()

    provider.plays(script)
    assert [piece.model for piece in await pieces_of(engine)] == [storable] * 3
