"""Joining what an engine writes on to the text it continues."""

import unicodedata

from services.engines import Prompt

_CLOSING = frozenset(".,;:!?…)]}\"'”’»*_")


def text_before(prompt: Prompt) -> str:
    """Return the text that is to be continued; a blank one is no beginning, and answered like none."""
    return prompt.turns[-1].content if prompt.continues and prompt.turns[-1].content.strip() else ""


class Seam:
    """Keeps the white space right where the old text meets the new one.

    A model that reads the beginning as its own goes on with the very next character. One that is merely asked to
    go on starts a new message and so leaves out the space between two words (`asked`).
    """

    def __init__(self, before: str, asked: bool) -> None:
        self._before = before
        self._asked = asked
        self._open = bool(before)

    def join(self, text: str) -> str:
        """Return the text as it fits on; an empty one as long as only needless white space has come."""
        if not self._open or not text:
            return text
        if self._before[-1].isspace():
            text = text.lstrip()
        elif self._asked and _are_words(self._before[-1], text[0]):
            text = " " + text
        self._open = not text
        return text


def _are_words(last: str, first: str) -> bool:
    return (last in _CLOSING or _takes_spaces(last)) and _takes_spaces(first)


def _takes_spaces(character: str) -> bool:
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"
