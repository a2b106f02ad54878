"""Where an old text meets a new one."""

import pytest

from services.engines.continuing import Seam


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
def test_a_model_that_goes_on_by_itself_is_taken_at_its_word(before, new, joined):
    assert before + Seam(before, asked=False).join(new) == joined


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
def test_a_model_that_was_asked_to_go_on_forgets_the_space_between_words(before, new, joined):
    assert before + Seam(before, asked=True).join(new) == joined


def test_only_the_first_text_meets_the_old_one():
    seam = Seam("the ", asked=True)
    assert [seam.join(text) for text in ("", " ", "", " old", " door", "bell")] == [
        "",
        "",
        "",
        "old",
        " door",
        "bell",
    ]


def test_a_reply_from_the_beginning_is_left_alone():
    assert Seam("", asked=True).join(" Once") == " Once"
