"""The part of a message that shows what a search found, with the places of the words in it.

Words are found in the folded text, whose length differs from the message's (ß becomes ss), and their places are
mapped back: the text is cut into pieces that fold by themselves, each no longer than a base character with its
marks.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from services.checking import fold_text

# Characters of a snippet, and of it before the first word that was found.
LENGTH, BEFORE = 120, 40
# Places of words in a snippet; further ones are not marked.
RANGES = 10
_CUT = "…"
# Characters that are folded at once, and those before a cut that decide whether it may be there.
_BLOCK, _CONTEXT = 1000, 8


@dataclass(frozen=True)
class TextRange:
    """A part of a snippet, in UTF-16 code units, as JavaScript counts."""

    start: int
    end: int


@dataclass(frozen=True)
class Snippet:
    text: str
    ranges: list[TextRange]


def snippet(text: str, words: Sequence[str]) -> Snippet:
    """Returns the text around the first of the folded words, and where the words are in it.

    Without any of the words it is the beginning of the text.
    """
    start, end = _window(text, words)
    pieces = _pieces(text[start:end])
    places = _places([fold for _, fold in pieces], words)
    shown = _shown(pieces, min((first for first, _ in places), default=0))
    parts = [piece for piece, _ in pieces[shown.start : shown.stop]]
    before = _CUT if start or shown.start else ""
    after = _CUT if end < len(text) or shown.stop < len(pieces) else ""
    edges = list(accumulate(map(_units, parts), initial=len(before)))
    ranges = _merged(
        TextRange(edges[max(first, shown.start) - shown.start], edges[min(last, shown.stop) - shown.start])
        for first, last in places
        if first < shown.stop and last > shown.start
    )
    return Snippet(before + "".join(parts) + after, ranges[:RANGES])


def _window(text: str, words: Sequence[str]) -> tuple[int, int]:
    """Returns a part of the text, between two cuts, that holds the first word and what is shown around it."""
    longest = max(map(len, words))
    cuts, folded, offsets = [0], "", [0]
    for cut in _cuts(text):
        searched = max(0, len(folded) - longest)
        folded += fold_text(text[cuts[-1] : cut])
        cuts.append(cut)
        offsets.append(len(folded))
        if found := [place for word in words if (place := folded.find(word, searched)) >= 0]:
            first = max(index for index, offset in enumerate(offsets) if offset <= min(found))
            return cuts[max(0, first - 1)], _cut_after(text, cut)
    return 0, _cut_after(text, 0)


def _cut_after(text: str, start: int) -> int:
    return next(_cuts(text, start), len(text))


def _cuts(text: str, start: int = 0) -> Iterator[int]:
    """Yields places about _BLOCK characters apart at which the text may be cut, and its end."""
    while start < len(text):
        start += _BLOCK
        while start < len(text) and not _is_cut(text, start):
            start += 1
        yield min(start, len(text))


def _is_cut(text: str, place: int) -> bool:
    """Returns whether both sides of the place fold by themselves."""
    if unicodedata.combining(text[place]):
        return False
    before = text[max(0, place - _CONTEXT) : place]
    return fold_text(before + text[place]) == fold_text(before) + fold_text(text[place])


def _pieces(text: str) -> list[tuple[str, str]]:
    """Returns the text in the smallest pieces that fold by themselves, each with its folded form."""
    if text.isascii():
        return list(zip(text, text.lower(), strict=True))
    starts = [0, *(place for place in range(1, len(text)) if _is_cut(text, place)), len(text)]
    pieces = [text[start:end] for start, end in pairwise(starts)]
    return [(piece, fold_text(piece)) for piece in pieces]


def _shown(pieces: Sequence[tuple[str, str]], first: int) -> range:
    """Returns which pieces the snippet shows, given the first of a word."""
    start = max(0, first - BEFORE)
    stop, length = start, 0
    while stop < len(pieces) and length + len(pieces[stop][0]) <= LENGTH:
        length += len(pieces[stop][0])
        stop += 1
    return range(start, stop)


def _places(folds: Sequence[str], words: Sequence[str]) -> list[tuple[int, int]]:
    """Returns each occurrence of a word as the first piece that it touches, and the one after the last."""
    folded = "".join(folds)
    owner = [index for index, fold in enumerate(folds) for _ in fold]
    return sorted((owner[start], owner[end - 1] + 1) for start, end in _occurrences(folded, words))


def _occurrences(folded: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    for word in words:
        start = folded.find(word)
        while start >= 0:
            yield start, start + len(word)
            start = folded.find(word, start + len(word))


def _merged(ranges: Iterator[TextRange]) -> list[TextRange]:
    """Returns the ranges, which are in order, without overlaps."""
    merged: list[TextRange] = []
    for one in ranges:
        if merged and one.start <= merged[-1].end:
            one = TextRange(merged[-1].start, max(merged.pop().end, one.end))
        merged.append(one)
    return merged


def _units(text: str) -> int:
    """Returns the length in UTF-16 code units."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)
