"""Tests of plans, with random histories: the limit, the beginning that stays, and replies that are continued."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import FailureCode, Generation, Role
from services.engines import EngineError, Prompt, PromptTurn
from services.engines.tokens import estimate
from services.prompting.macros import Names
from services.prompting.planning import RESERVED_PART, TURN_TOKENS, plan
from services.prompting.values import Said, Scene

LIMIT = 1600
RESERVE = LIMIT // RESERVED_PART
SCENE = Scene(Names("Ada", "Ben"), description="{{char}} is kind.", post_history_instructions="Be {{char}}.")

# Messages and, now and then, hidden ones, which have a position and nothing else.
histories = st.lists(st.one_of(st.none(), st.integers(4, 1500)), min_size=1, max_size=60).map(
    lambda lengths: [
        Said(position, (Role.USER, Role.ASSISTANT)[position % 2], f"{position:04}"[:length].ljust(length, "x"))
        for position, length in enumerate(lengths)
        if length is not None
    ]
)

SHORT = [Said(position, (Role.USER, Role.ASSISTANT)[position % 2], f"{position:036}") for position in range(200)]


def prompt_of(said: Sequence[Said], begun: str = "", scene: Scene = SCENE) -> Prompt:
    return plan(scene, said, LIMIT, estimate, begun).prompt(Generation())


def tokens_of(turns: Sequence[PromptTurn]) -> int:
    return sum(estimate(turn.content) + TURN_TOKENS for turn in turns)


@given(histories, st.integers(0, 4000))
def test_no_prompt_is_longer_than_the_limit(said: list[Said], length: int) -> None:
    turns = prompt_of(said, "x" * length).turns
    assert tokens_of(turns) <= LIMIT


@given(histories)
def test_the_newest_message_is_in_every_prompt(said: list[Said]) -> None:
    [_, *turns, _] = prompt_of(said).turns
    assert [turn.content for turn in turns] == [message.content for message in said][len(said) - len(turns) :]
    assert bool(turns) == bool(said)


@given(histories)
def test_a_prompt_begins_as_the_last_one_did_unless_the_window_stepped(said: list[Said]) -> None:
    for length in range(1, len(said)):
        [*before, _], [*after, _] = prompt_of(said[:length]).turns, prompt_of(said[: length + 1]).turns
        stepped = before[1] not in after
        assert after[: len(before)] == before or stepped
        # Whatever else a step does, it never brings back what was left behind.
        assert [turn for turn in after[1:-1] if turn not in before] == []


def test_the_prompt_of_a_continuation_is_that_of_the_reply_and_its_text() -> None:
    begun = "x" * 3 * (RESERVE - TURN_TOKENS)
    for length in range(1, 200):
        reply, continuation = prompt_of(SHORT[:length]), prompt_of(SHORT[:length], begun)
        assert continuation.turns == [*reply.turns, PromptTurn(Role.ASSISTANT, begun)]
        assert (reply.continues, continuation.continues) == (False, True)


def test_a_text_longer_than_the_reserve_moves_the_window_only_if_it_must() -> None:
    for length in range(100, 200):
        reply = prompt_of(SHORT[:length])
        begun = "x" * 3 * (LIMIT - tokens_of(reply.turns) - TURN_TOKENS)
        assert prompt_of(SHORT[:length], begun).turns == [*reply.turns, PromptTurn(Role.ASSISTANT, begun)]
        assert prompt_of(SHORT[:length], begun + "x").turns[1] != reply.turns[1]


def test_a_reply_that_grows_for_long_moves_the_window_in_steps() -> None:
    beginnings = [prompt_of(SHORT, "x" * length).turns[1].content for length in range(1, 3 * LIMIT - 200, 30)]
    assert beginnings == sorted(beginnings)
    assert 2 < len(set(beginnings)) < 10


def test_a_reply_is_continued_even_if_nothing_else_fits() -> None:
    said = [Said(0, Role.USER, "x" * 3 * LIMIT)]
    assert [turn.content for turn in prompt_of(said, "Once").turns[1:]] == ["Be Ada.", "Once"]


@pytest.mark.parametrize(
    ("said", "begun", "scene"),
    [
        ([Said(0, Role.USER, "x" * 3 * LIMIT)], "", SCENE),
        ([Said(0, Role.USER, "Hello")], "x" * 3 * LIMIT, SCENE),
        ([], "", Scene(Names("Ada", "Ben"), description="x" * 3 * LIMIT)),
    ],
    ids=["message", "reply", "character"],
)
def test_what_can_never_fit_is_refused(said: list[Said], begun: str, scene: Scene) -> None:
    with pytest.raises(EngineError) as refusal:
        prompt_of(said, begun, scene)
    assert refusal.value.failure.code is FailureCode.CONTEXT_TOO_LONG
    assert not refusal.value.failure.retryable


def test_a_message_may_use_the_reserve_when_it_needs_it() -> None:
    free = LIMIT - tokens_of(prompt_of([]).turns) - TURN_TOKENS
    turns = prompt_of([Said(0, Role.USER, "Hi"), Said(1, Role.USER, "x" * 3 * free)]).turns
    assert tokens_of(turns) == LIMIT
    with pytest.raises(EngineError):
        prompt_of([Said(0, Role.USER, "x" * (3 * free + 1))])


def test_the_opening_tells_what_is_known_and_leaves_out_what_is_blank() -> None:
    scene = Scene(
        Names("Ada", "Ben"),
        personality="Kind to {{USER}}.",
        scenario=" \n",
        example_dialogue="{{char}}: Well.",
        topic="Boats",
    )
    [opening] = prompt_of([], scene=scene).turns
    assert opening == PromptTurn(
        Role.SYSTEM,
        "You are Ada, talking with Ben. Stay in character and write only Ada's next reply.\n\n"
        "Ada's personality: Kind to Ben.\n\n"
        "How Ada talks:\nAda: Well.\n\n"
        "What this conversation is about: Boats",
    )
