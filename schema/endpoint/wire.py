"""JSON encoding and decoding: decodes strictly, encodes fast."""

import json
import math
from typing import Any, NoReturn

import orjson

# Lists and objects in one JSON text; each takes about a hundred times the memory of its brackets.
MAX_CONTAINERS = 500_000


class MalformedText(ValueError):
    """The text is not valid JSON; the message says why and is safe to show to the client."""


def encode(data: object) -> bytes:
    """Encode what may hold JSON that was encoded before, as the `orjson.Fragment` values of objects."""
    try:
        return orjson.dumps(data)
    except TypeError:
        # orjson rejects integers over 64 bits and lone surrogates, and the standard library orjson's fragments.
        if isinstance(data, dict) and any(isinstance(value, dict | orjson.Fragment) for value in data.values()):
            return orjson.dumps({key: _fragment(value) for key, value in data.items()})
        return json.dumps(data, separators=(",", ":")).encode()


def _fragment(value: object) -> orjson.Fragment:
    return value if isinstance(value, orjson.Fragment) else orjson.Fragment(encode(value))


def decode(text: str | bytes) -> Any:
    """Decode JSON with integers of any size, which chat histories can have. Raises MalformedText."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        if text.count("[") + text.count("{") > MAX_CONTAINERS:
            raise MalformedText(f"The JSON has too many lists and objects; the limit is {MAX_CONTAINERS:,}.")
        return _DECODER.decode(text)
    except UnicodeDecodeError:
        raise MalformedText("The JSON is not encoded in UTF-8.") from None
    except RecursionError:
        raise MalformedText("The JSON has too many levels of nesting.") from None
    except json.JSONDecodeError as error:
        raise MalformedText(f"The JSON is malformed at line {error.lineno}, column {error.colno}.") from None
    except MalformedText:
        raise
    except ValueError:
        raise MalformedText("The JSON has a number with too many digits.") from None


def _reject_constant(constant: str) -> NoReturn:
    raise MalformedText(f"{constant} is not valid JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise MalformedText("The JSON has a number that is too large.")
    return number


# json.loads would make a decoder for each text.
_DECODER = json.JSONDecoder(parse_constant=_reject_constant, parse_float=_finite)
