"""Excerpts: one line without markup, no longer than asked for, that ends at a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.excerpts import checked_length, excerpt

TEXTS = {
    "*waves* Hello, **friend**!": "waves Hello, friend!",
    "# A title\n\n> a quotation\n- a point": "A title a quotation a point",
    "See [the map](https://example.org) and ![a cat](cat.png).": "See the map and a cat.",
    "```python\nx = 1\n```\nand `y`": "x = 1 and y",
    "2*3*4, snake_case, [1] and a < b": "2*3*4, snake_case, [1] and a < b",
    "  much\n\n\tspace  ": "much space",
    "": "",
}


@pytest.mark.parametrize("text", TEXTS)
def test_markup_and_line_breaks_are_left_out(text: str) -> None:
    assert excerpt(text, 140) == TEXTS[text]


@pytest.mark.parametrize(
    ("length", "expected"),
    [(18, "one two three four"), (17, "one two three…"), (8, "one two…")],
)
def test_it_ends_after_a_word(length: int, expected: str) -> None:
    assert excerpt("one two three four", length) == expected


def test_what_has_no_spaces_ends_within_a_word() -> None:
    assert excerpt("日本語の長い文章です", 5) == "日本語の…"


@given(st.text(st.sampled_from("ab *_`#[]()!\n>-é日"), max_size=200), st.integers(1, 40))
def test_it_is_one_line_of_that_length_and_says_when_something_is_left_out(text: str, length: int) -> None:
    made = excerpt(text, length)
    assert len(made) <= length
    assert "\n" not in made
    assert made == made.strip()
    assert made.endswith("…") == (excerpt(text, 1000) != made)


@pytest.mark.parametrize("length", [0, -1, 1001])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(InvalidInput, match="between 1 and 1000"):
        checked_length(length)
