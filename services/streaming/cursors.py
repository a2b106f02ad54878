"""Stream cursors: a position in a conversation's stream of reply events, as a short opaque text."""

import base64
import re
from functools import lru_cache
from typing import NamedTuple

from services.errors import InvalidCursor
from services.paging import short_id

_FORMAT = 1
_LONGEST = 64
# Python would skip characters that are not base64.
_DIGITS = re.compile(rf"[A-Za-z0-9_-]{{1,{_LONGEST}}}")
_OUTSIDE = re.compile(r"([0-9a-f]{16})\.([0-9]{1,18})")

# The value of `sent` once the run's text was replaced by an edit.
REPLACED = -1


class Cursor(NamedTuple):
    """Structural events up to history version `version` are delivered.

    Of the run that began at `run` (0: none) the text is delivered up to code point `sent`, or REPLACED. Without a
    run, REPLACED marks the cursor of a final event.
    """

    version: int
    run: int = 0
    sent: int = 0

    @property
    def is_final(self) -> bool:
        return self.run == 0 and self.sent == REPLACED


def encode(conversation_id: str, cursor: Cursor) -> str:
    """Format byte, half of the conversation's id, then `version`, `run` and `sent` + 1 as LEB128 numbers; base64.

    Outside every run it is half of the id, a dot and the version, which SQLite can write too (services.reads).
    """
    if not cursor.run and not cursor.sent:
        return f"{short_id(conversation_id)}.{cursor.version}"
    packed = _run_part(conversation_id, cursor.version, cursor.run) + _packed(cursor.sent + 1)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


@lru_cache(maxsize=1024)
def _run_part(conversation_id: str, version: int, run: int) -> bytes:
    """Returns what the cursors of a run have in common while its text grows."""
    return bytes([_FORMAT]) + _tail(conversation_id) + _packed(version) + _packed(run)


def _packed(number: int) -> bytes:
    packed = bytearray()
    while number > 127:
        packed.append(number & 127 | 128)
        number >>= 7
    packed.append(number)
    return bytes(packed)


def decode(conversation_id: str, text: str) -> Cursor:
    """Raises InvalidCursor when the text is not a cursor, or belongs to another conversation."""
    if match := _OUTSIDE.fullmatch(text):
        return _outside(conversation_id, *match.groups())
    if not _DIGITS.fullmatch(text) or len(text) % 4 == 1:
        raise InvalidCursor("This is not a stream cursor.", "after")
    packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if packed[:9] != bytes([_FORMAT]) + _tail(conversation_id):
        raise _foreign()
    numbers = _numbers(packed[9:])
    if len(numbers) != 3 or numbers[1] > numbers[0]:
        raise InvalidCursor("This is not a stream cursor.", "after")
    return Cursor(numbers[0], numbers[1], numbers[2] - 1)


def _outside(conversation_id: str, of: str, version: str) -> Cursor:
    if of != short_id(conversation_id):
        raise _foreign()
    return Cursor(int(version))


def _foreign() -> InvalidCursor:
    return InvalidCursor("The cursor belongs to another conversation.", "after")


def _numbers(packed: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in packed:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(number)
            number, shift = 0, 0
    return numbers if shift == 0 and max(numbers, default=0) < 1 << 63 else []


def _tail(conversation_id: str) -> bytes:
    return bytes.fromhex(short_id(conversation_id))
