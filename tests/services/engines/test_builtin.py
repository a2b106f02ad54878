"""Tests of the builtin engine."""

import asyncio

import pytest

from models import FinishReason, Generation, Role
from services.engines import Model, Prompt, PromptTurn
from services.engines.builtin import BuiltinEngine
from tests.services.engines.replies import begun, pieces_of, text_of

HELLO = Prompt([PromptTurn(Role.USER, "Good evening. Have you ever seen a comet?")], "Ada")


@pytest.fixture
def engine() -> BuiltinEngine:
    return BuiltinEngine("for a test", pace_ms=0)


def with_options(**options) -> Prompt:
    return Prompt(HELLO.turns, "Ada", Generation(**options))


async def test_the_reply_is_in_character_and_takes_up_what_was_said(engine):
    text = await text_of(engine, HELLO)
    assert text.startswith("*Ada ")
    assert "Have you ever seen a comet?" in text
    assert "“comet”" in text
    assert sum(text.count(end) for end in ".?!") >= 5


async def test_the_same_prompt_has_the_same_reply_and_another_one_another(engine):
    texts = [await text_of(BuiltinEngine("for a test", 0), HELLO) for _ in range(3)]
    assert len(set(texts)) == 1
    assert len({await text_of(engine, with_options(seed=seed)) for seed in range(5)}) > 1


async def test_each_word_is_a_piece_and_the_last_piece_ends_it(engine):
    pieces = await pieces_of(engine, HELLO)
    assert all(len(piece.text.split()) == 1 for piece in pieces[:-1])
    assert (pieces[-1].text, pieces[-1].finish, pieces[-1].model) == ("", FinishReason.END, "builtin")
    assert pieces[-1].usage.estimated
    assert pieces[-1].usage.completion_tokens == len(pieces) - 1


async def test_other_tasks_run_between_two_words_even_without_a_pace(engine):
    pieces = engine.reply(HELLO)
    turns = []
    asyncio.get_running_loop().call_soon(turns.append, "another")
    await anext(pieces)
    assert turns == ["another"]
    await pieces.aclose()


async def test_max_tokens_limits_the_words(engine):
    pieces = await pieces_of(engine, with_options(max_tokens=4))
    assert len(pieces) == 5
    assert pieces[-1].finish is FinishReason.LENGTH


async def test_a_stop_ends_it_and_is_not_written(engine):
    whole = await text_of(engine, HELLO)
    cut = await pieces_of(engine, with_options(stop=["never said", "comet"]))
    assert "".join(piece.text for piece in cut) == whole[: whole.index("comet")].rstrip()
    assert cut[-1].finish is FinishReason.END


@pytest.mark.parametrize(
    "before, first", [("I was about to", " "), ("I had said it. ", ""), ("I had said it.", " "), (" ", "*Ada")]
)
async def test_it_continues_the_text(engine, before, first):
    text = await text_of(engine, begun(before))
    assert text.startswith(first)
    assert text == text.rstrip()
    assert "  " not in before + text
    assert ("*Ada" in text) == (first == "*Ada")


@pytest.mark.parametrize("said", ["", "…", "?!", "今日は", "a" * 100_000, "{topic} {0} {name}", "\n\n", "\ud83e"])
async def test_it_replies_to_any_text(engine, said):
    text = await text_of(engine, Prompt([PromptTurn(Role.USER, said)], "Ada {echo}"))
    assert text.startswith("*Ada {echo} ")
    assert 100 < len(text) < 1000


async def test_a_prompt_without_any_user_is_answered_too(engine):
    assert await text_of(engine, Prompt([], "Ada"))


async def test_its_only_model_is_builtin(engine):
    assert await engine.models() == [Model("builtin", True, engine.prompt_limit)]
    assert (engine.name, engine.default_model) == ("builtin", "builtin")
