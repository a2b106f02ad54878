"""Validation of texts and JSON values from outside, before they are stored."""

import json
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
# Bytes of one object's metadata as JSON: lists of characters load it.
METADATA_SIZE = 256 * 1024

# SQLite's own functions stop at NUL, and lone surrogates are no text that UTF-8 can hold.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def text(value: str, *path: str | int, limit: int = TEXT_LENGTH) -> str:
    """Returns the text unchanged. Raises InvalidInput when it cannot be stored or is too long."""
    if len(value) > limit:
        raise InvalidInput(f"Too long: {len(value):,} characters; the limit is {limit:,}.", *path)
    if _UNSTORABLE.search(value):
        raise InvalidInput("NUL characters and lone surrogates cannot be stored.", *path)
    return value


def not_empty(value: str, *path: str | int, limit: int = TEXT_LENGTH) -> str:
    """Returns the text unchanged. Raises InvalidInput also when it holds nothing but white space."""
    if not value.strip():
        raise InvalidInput("The text must not be empty.", *path)
    return text(value, *path, limit=limit)


def name(value: str, *path: str | int) -> str:
    """Returns the text without white space around it."""
    return not_empty(value, *path, limit=NAME_LENGTH).strip()


def texts(values: Sequence[str], *path: str | int, limit: int = TEXT_LENGTH) -> list[str]:
    if len(values) > LIST_LENGTH:
        raise InvalidInput(f"Too many entries: {len(values):,}; the limit is {LIST_LENGTH}.", *path)
    return [text(value, *path, index, limit=limit) for index, value in enumerate(values)]


def json_object(value: Any, *path: str | int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput("The value must be a JSON object.", *path)
    json_value(value, *path)
    return value


def json_value(value: Any, *path: str | int, depth: int = 0) -> None:
    """Raises InvalidInput when the value, or something inside it, cannot be stored unchanged."""
    if depth > JSON_DEPTH:
        raise InvalidInput(f"The JSON is nested too deeply; the limit is {JSON_DEPTH} levels.", *path)
    if isinstance(value, str):
        _storable(value, *path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput("JSON has no infinite numbers and no NaN.", *path)
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


def metadata_size(value: dict[str, Any], *path: str | int) -> None:
    """Raises InvalidInput when the JSON of the object is longer than METADATA_SIZE."""
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > METADATA_SIZE:
        raise InvalidInput(f"Too large: {size:,} bytes of JSON; the limit is {METADATA_SIZE:,}.", *path)


def fold(value: str) -> str:
    """Returns a name as it is sorted and searched: the first NAME_LENGTH characters of its folded text."""
    return fold_text(value)[:NAME_LENGTH]


def fold_text(value: str) -> str:
    """Returns the text as it is searched: NFKC, caseless, and with one i for Turkish too.

    Folding a folded text changes nothing.
    """
    if value.isascii():
        return value.lower()
    folded = ""
    while folded != value:
        folded, value = value, unicodedata.normalize("NFKC", value).casefold()
        value = value.replace("i\N{COMBINING DOT ABOVE}", "i").replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
    return folded
