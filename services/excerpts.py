"""Excerpts: the beginning of a message as one line without markup, for lists of conversations and messages."""

import re

from services.errors import InvalidInput

MAX_LENGTH = 1000
# Markup is longer than what it marks; beyond this many characters for each one shown, the rest does not count.
LOOKS_AT = 4
_MARKUP = re.compile(
    r"""
    ^[ \t]*(?:\#{1,6}[ \t]|>|[-*+][ \t]|```.*|~~~.*)  # headings, quotations, lists, and the fences of code
    | !?\[(?P<link>[^\[\]\n]*)\]\([^)\n]{0,500}\)     # links and images, of which the text stays
    | (?<![\w*])\*{1,3}(?=\S) | (?<=\S)\*{1,3}(?!\w)  # emphasis
    | \b_{1,3}(?=\S) | (?<=\S)_{1,3}\b
    | `+
    """,
    re.VERBOSE | re.MULTILINE,
)


def checked_length(length: int) -> int:
    """Raises InvalidInput."""
    if not 1 <= length <= MAX_LENGTH:
        raise InvalidInput(f"length must be between 1 and {MAX_LENGTH}; got {length}.", "length")
    return length


def excerpt(text: str, length: int) -> str:
    """Returns at most `length` characters; with "…" at the end, after a word if it can be, if more is left out."""
    looked_at = text[: length * LOOKS_AT]
    line = " ".join(_MARKUP.sub(lambda found: found["link"] or "", looked_at).split())
    if len(line) <= length and len(looked_at) == len(text):
        return line
    cut = line[: length - 1]
    if len(line) >= length and not line[length - 1 : length].isspace():
        # A language without spaces, or a long word: then it ends within one.
        cut = cut[: cut.rfind(" ")] if cut.rfind(" ") > length // 2 else cut
    return cut.rstrip() + "…"
