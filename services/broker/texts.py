"""Texts that are read in parts. Offsets count code points; `units` counts UTF-16 code units, like JavaScript."""

from bisect import bisect_right
from typing import Protocol


class Text(Protocol):
    def __len__(self) -> int: ...

    def part(self, start: int, stop: int) -> str:
        """Returns the code points from `start` up to `stop`."""
        ...

    def units(self, offset: int) -> int:
        """Returns the number of UTF-16 code units before the code point at `offset`."""
        ...


def utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text) if not text.isascii() else len(text)


class StoredText:
    """A complete text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __len__(self) -> int:
        return len(self._text)

    def part(self, start: int, stop: int) -> str:
        return self._text[start:stop]

    def units(self, offset: int) -> int:
        return utf16_length(self._text[:offset])


class GrowingText:
    """A text kept in pieces: appending to it, and reading near its end, cost the same at any length."""

    def __init__(self, text: str = "") -> None:
        self._pieces = [text]
        self._starts = [0]
        self._units = [0]
        self._length = len(text)

    def __len__(self) -> int:
        return self._length

    def append(self, text: str) -> None:
        self._starts.append(self._length)
        self._units.append(self._units[-1] + utf16_length(self._pieces[-1]))
        self._pieces.append(text)
        self._length += len(text)

    def part(self, start: int, stop: int) -> str:
        index = self._index(start)
        begin = self._starts[index]
        return "".join(self._pieces[index : self._index(stop) + 1])[start - begin : stop - begin]

    def units(self, offset: int) -> int:
        index = self._index(offset)
        return self._units[index] + utf16_length(self._pieces[index][: offset - self._starts[index]])

    def _index(self, offset: int) -> int:
        return max(bisect_right(self._starts, offset) - 1, 0)
