"""What every text and JSON value from outside must fulfil before it is stored."""

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from services.errors import InvalidInput

# Characters, of a name or title and of any longer text.
NAME_LENGTH = 200
TEXT_LENGTH = 100_000
LIST_LENGTH = 100
JSON_DEPTH = 64

# SQLite's own functions stop at NUL, and lone surrogates are no text that UTF-8 can hold.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def text(value: str, *path: str | int, limit: int = TEXT_LENGTH) -> str:
    """Return the text as it is. Raises InvalidInput when it cannot be stored or is too long."""
    if len(value) > limit:
        raise InvalidInput(f"At most {limit:,} characters fit here; these are {len(value):,}.", *path)
    if _UNSTORABLE.search(value):
        raise InvalidInput("NUL characters and lone surrogates cannot be stored.", *path)
    return value


def spoken(value: str, *path: str | int, limit: int = TEXT_LENGTH) -> str:
    """Return the text as it is. Raises InvalidInput also when nothing is in it."""
    if not value.strip():
        raise InvalidInput("Some text is needed here.", *path)
    return text(value, *path, limit=limit)


def name(value: str, *path: str | int) -> str:
    """Return the text without space around it."""
    return spoken(value, *path, limit=NAME_LENGTH).strip()


def texts(values: Sequence[str], *path: str | int, limit: int = TEXT_LENGTH) -> list[str]:
    if len(values) > LIST_LENGTH:
        raise InvalidInput(f"At most {LIST_LENGTH} entries fit here; these are {len(values):,}.", *path)
    return [text(value, *path, index, limit=limit) for index, value in enumerate(values)]


def json_object(value: Any, *path: str | int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput("A JSON object is needed here.", *path)
    json_value(value, *path)
    return value


def json_value(value: Any, *path: str | int, depth: int = 0) -> None:
    """Raise InvalidInput when the value, or something inside it, cannot be stored as it is."""
    if depth > JSON_DEPTH:
        raise InvalidInput(f"JSON may be at most {JSON_DEPTH} levels deep here.", *path)
    if isinstance(value, str):
        _storable(value, *path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput("JSON has no such number.", *path)
    elif isinstance(value, dict):
        for key, part in value.items():
            _storable(key, *path)
            json_value(part, *path, key, depth=depth + 1)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            json_value(part, *path, index, depth=depth + 1)


def _storable(value: str, *path: str | int) -> None:
    if _UNSTORABLE.search(value):
        raise InvalidInput("NUL characters and lone surrogates cannot be stored.", *path)


def fold(value: str) -> str:
    """Return the text as names are sorted and searched: without case, and i is i in Turkish too."""
    folded = unicodedata.normalize("NFKC", value.casefold())
    return folded.replace("i\N{COMBINING DOT ABOVE}", "i").replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
