"""What people type into a search is words, never a syntax."""

import pytest

from services.errors import InvalidInput
from services.search.words import trigrams_of, words_of


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("Hello  World hello", ["hello", "world"]),
        ('say "hello world" now', ["say", "hello world", "now"]),
        ('an "open phrase', ["an", "open", "phrase"]),
        ("日本語\N{IDEOGRAPHIC SPACE}文章", ["日本語", "文章"]),
        ("ＦＵＬＬ Straße", ["full", "strasse"]),
        ("NOT a* OR b:c", ["not", "a*", "or", "b:c"]),
    ],
)
def test_a_query_is_words_and_phrases(query: str, words: list[str]) -> None:
    assert words_of(query) == words


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "must contain a word"),
        ('  "" " " ', "must contain a word"),
        ("x" * 201, "Too long: 201 characters; the limit is 200."),
        ("a b c d e f g h i j k", "Too many words: 11; the limit is 10."),
        ("a\0b", "cannot be stored"),
        ("\ud800", "cannot be stored"),
    ],
)
def test_a_query_that_is_no_search_is_refused(query: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        words_of(query)
    assert refused.value.path == ["query"]


def test_the_index_is_asked_for_trigrams_of_the_longer_words() -> None:
    assert trigrams_of(["hello", "日本"]) == '"hel" "ell" "llo"'
    assert trigrams_of(["日本"]) == ""
