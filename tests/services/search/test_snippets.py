"""What a search shows of a message, and which parts of it are marked, whatever folding did to their length."""

import random
import unicodedata

import pytest

from services.checking import fold_text
from services.search import snippets
from services.search.snippets import TextRange, snippet
from services.search.words import words_of


def marked(text: str, query: str) -> list[str]:
    """Returns the marked parts of the snippet, cut out as JavaScript would."""
    made = snippet(text, words_of(query))
    units = made.text.encode("utf-16-le")
    return [units[2 * one.start : 2 * one.end].decode("utf-16-le") for one in made.ranges]


@pytest.mark.parametrize(
    ("text", "query", "parts"),
    [
        ("Die Straße ist groß.", "STRASSE", ["Straße"]),
        ("Die Straße ist groß.", "ss", ["ß", "ß"]),
        ("ﬁnden 🎉 ﬁnden", "find", ["ﬁnd", "ﬁnd"]),
        ("ﬁnden", "i", ["ﬁ"]),
        ("İSTANBUL'DA dışarı", "istanbul DIŞARI", ["İSTANBUL", "dışarı"]),
        ("日本語の文章です", "文章 日本", ["日本", "文章"]),
        ("مرحبا بالعالم", "بالعالم", ["بالعالم"]),
        ("🎉🎊 then 🎊", "🎊", ["🎊", "🎊"]),
        ("cafe\N{COMBINING ACUTE ACCENT} au lait", "café", ["cafe\N{COMBINING ACUTE ACCENT}"]),
        ("하\N{HANGUL JONGSEONG NIEUN}글", "한글", ["하\N{HANGUL JONGSEONG NIEUN}글"]),
        ("aaaa", "aa", ["aaaa"]),
        ("abcd", "abc bcd", ["abcd"]),
        ("nothing of it", "missing", []),
    ],
)
def test_the_words_are_marked_as_they_were_written(text: str, query: str, parts: list[str]) -> None:
    assert marked(text, query) == parts


@pytest.mark.parametrize("filler", ["x", "ü", "ß", "日", "e\N{COMBINING ACUTE ACCENT}"])
@pytest.mark.parametrize("length", [0, 39, 40, 41, 990, 1000, 1001, 5000])
def test_a_word_is_shown_wherever_it_is_in_a_long_text(filler: str, length: int) -> None:
    text = filler * length + " Straße " + filler * length
    made = snippet(text, ["strasse"])
    assert marked(text, "strasse") == ["Straße"]
    assert made.text.strip("…") in text
    assert len(made.text) <= snippets.LENGTH + 2
    assert made.text.startswith("…") == (length >= 40)


def test_a_snippet_has_no_more_ranges_than_its_description_says() -> None:
    assert len(snippet("a b " * 30, ["a"]).ranges) == 10


def test_overlapping_words_are_one_range() -> None:
    assert snippet("hello", ["hel", "ell"]).ranges == [TextRange(0, 4)]


def odd_text(chance: random.Random) -> str:
    kinds = [range(32, 127), range(0xC0, 0x250), range(0x300, 0x370), range(0x1100, 0x1200), range(0xAC00, 0xAC50)]
    kinds += [range(0x600, 0x660), range(0xFB00, 0xFB50), range(0x3040, 0x30A0), range(0x1F600, 0x1F650)]
    letters = [chr(chance.choice(chance.choice(kinds))) for _ in range(chance.randrange(1, 60))]
    return "".join(one for one in letters if unicodedata.category(one) != "Cn") or "x"


def test_the_pieces_of_any_text_fold_like_the_whole() -> None:
    chance = random.Random(7)
    for _ in range(2000):
        text = odd_text(chance)
        pieces = snippets._pieces(text)
        assert "".join(piece for piece, _ in pieces) == text
        assert "".join(fold for _, fold in pieces) == fold_text(text)
