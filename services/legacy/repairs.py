"""Making what cannot be stored storable, and counting it. What can be stored stays as it is."""

import base64
import json
import math
import re
from typing import Any

from services import checking
from services.legacy.tallies import Repair, Tally

_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# A message's own object and the list around it leave this much of the depth that is stored.
_DEPTH = checking.JSON_DEPTH - 4


def text(value: str, tally: Tally) -> str:
    """Put a replacement character for each NUL and lone surrogate; two halves of a character are joined."""
    if "\0" in value:
        tally.repair(Repair.NUL, value.count("\0"))
        value = value.replace("\0", _REPLACEMENT)
    if _SURROGATE.search(value):
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        value, count = _SURROGATE.subn(_REPLACEMENT, value)
        tally.repair(Repair.SURROGATE, count)
    return value


def json_value(value: Any, tally: Tally, depth: int = 0) -> Any:
    """Return the value with everything in it storable."""
    match value:
        case str():
            return text(value, tally)
        case float() if not math.isfinite(value):
            tally.repair(Repair.NUMBER)
            return None
        case bytes():
            tally.repair(Repair.BINARY)
            return base64.b64encode(value).decode()
        case dict() | list() if depth >= _DEPTH:
            tally.repair(Repair.DEPTH)
            return text(json.dumps(value, ensure_ascii=False), tally)
        case dict():
            return {text(key, tally): json_value(part, tally, depth + 1) for key, part in value.items()}
        case list():
            return [json_value(part, tally, depth + 1) for part in value]
    return value


def plain(value: Any, tally: Tally) -> str:
    """Return what should be a text as one; what is something else is written as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    tally.repair(Repair.NO_TEXT)
    return json.dumps(value, ensure_ascii=False)


def name(value: Any, tally: Tally, fallback: str) -> str:
    """Return a text fit for a name: not empty, no space around it, not too long."""
    full = plain(value, Tally())
    fit = full.strip() or fallback
    if len(fit) > checking.NAME_LENGTH:
        fit = fit[: checking.NAME_LENGTH - 1].rstrip() + "…"
    if fit != full.strip():
        tally.repair(Repair.NAME)
    return fit
