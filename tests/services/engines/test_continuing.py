"""Tests of the white space between a continued text and its continuation."""

import pytest

from services.engines.continuing import TextJoiner


@pytest.mark.parametrize(
    "before, new, joined",
    [
        ("the", " door", "the door"),
        ("the ", " door", "the door"),
        ("the\n\n", "\n\nDoor", "the\n\nDoor"),
        ("wal", "ked", "walked"),
        ("I said", ", no", "I said, no"),
    ],
)
def test_text_of_a_model_with_prefill_support_gets_no_space(before, new, joined):
    assert before + TextJoiner(before, adds_space=False).join(new) == joined


@pytest.mark.parametrize(
    "before, new, joined",
    [
        ("the", "door", "the door"),
        ("the", " door", "the door"),
        ("the ", "door", "the door"),
        ("The end.", "Or not?", "The end. Or not?"),
        ("I said", ", no", "I said, no"),
        ("well-", "known", "well-known"),
        ("(", "aside", "(aside"),
        ("今日", "は", "今日は"),
        ("The end.", "\n\nOr not?", "The end.\n\nOr not?"),
    ],
)
def test_text_of_a_model_without_prefill_support_gets_a_space_between_words(before, new, joined):
    assert before + TextJoiner(before, adds_space=True).join(new) == joined


def test_only_the_beginning_of_the_new_text_is_changed():
    joiner = TextJoiner("the ", adds_space=True)
    assert [joiner.join(text) for text in ("", " ", "", " old", " door", "bell")] == [
        "",
        "",
        "",
        "old",
        " door",
        "bell",
    ]


def test_a_new_reply_is_not_changed():
    assert TextJoiner("", adds_space=True).join(" Once") == " Once"
