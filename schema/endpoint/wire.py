"""JSON as it goes over the wire: strict in what is taken, fast in what is given."""

import json
import math
from typing import Any, NoReturn

import orjson

# So many lists and objects fit into one text; each costs a hundred times its brackets in memory.
MAX_CONTAINERS = 500_000


class MalformedText(ValueError):
    """What came is no JSON; the message says why, in words for the sender."""


def encode(data: object) -> bytes:
    try:
        return orjson.dumps(data)
    except TypeError:
        # What orjson refuses: integers over 64 bits, and text that is no text.
        return json.dumps(data, separators=(",", ":")).encode()


def decode(text: str | bytes) -> Any:
    """Read JSON. The standard library keeps integers of any size; histories hold some."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        if text.count("[") + text.count("{") > MAX_CONTAINERS:
            raise MalformedText(f"The JSON holds more than {MAX_CONTAINERS} lists and objects.")
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError:
        raise MalformedText("The text is not UTF-8.") from None
    except RecursionError:
        raise MalformedText("The JSON is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise MalformedText(f"The JSON is malformed at line {error.lineno}, column {error.colno}.") from None
    except MalformedText:
        raise
    except ValueError:
        raise MalformedText("The JSON holds a number that is too long.") from None


def _refuse(constant: str) -> NoReturn:
    raise MalformedText(f"{constant} is no JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise MalformedText("The JSON holds a number that is too big.")
    return number
