"""Continuation of a reply: the text to continue, and the white space between it and the new text."""

import unicodedata

from services.engines import Prompt

_CLOSING_PUNCTUATION = frozenset(".,;:!?…)]}\"'”’»*_")


def text_to_continue(prompt: Prompt) -> str:
    """Returns the text that the reply continues; empty when the reply is a new one, or the text is blank."""
    if not prompt.continues:
        return ""
    text = prompt.turns[-1].content
    return text if text.strip() else ""


class TextJoiner:
    """Joins streamed text to the text that it continues, with the right white space between the two.

    A model with prefill support continues at the very next character. A model that is asked to continue by an
    instruction writes a new message and omits the space between two words; `adds_space` puts it back.
    """

    def __init__(self, before: str, adds_space: bool) -> None:
        self._before = before
        self._adds_space = adds_space
        self._is_at_start = bool(before)

    def join(self, text: str) -> str:
        """Returns the text to append; empty while nothing but superfluous white space has come."""
        if not self._is_at_start or not text:
            return text
        if self._before[-1].isspace():
            text = text.lstrip()
        elif self._adds_space and _needs_space(self._before[-1], text[0]):
            text = " " + text
        self._is_at_start = not text
        return text


def _needs_space(last: str, first: str) -> bool:
    return (last in _CLOSING_PUNCTUATION or _is_spaced(last)) and _is_spaced(first)


def _is_spaced(character: str) -> bool:
    """Whether the character belongs to a script that puts spaces between words."""
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"
