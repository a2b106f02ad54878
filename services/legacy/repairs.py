"""Repairs: what cannot be stored is replaced and counted, what can be stored is not changed. Times and titles."""

import base64
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from services import checking
from services.importing.values import Tally

UNTITLED = "Previous conversation"

_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# A message's own object and the list around it leave this much of the depth that can be stored.
_DEPTH = checking.JSON_DEPTH - 4


class Repair(StrEnum):
    """Kinds of repairs, by the words that the report uses."""

    NUL = "NUL"
    SURROGATE = "lone surrogate"
    TOOL_BLOCK = "tool block"
    DOUBLE_ENCODED = "encoded twice"
    ROLE = "other role"
    NO_TEXT = "no text"
    NAME = "name"
    NUMBER = "no JSON number"
    DEPTH = "too deep"
    BINARY = "binary"
    ORPHAN = "orphan"


def text(value: str, tally: Tally) -> str:
    """Returns the text with each NUL and lone surrogate replaced; two halves of a character are joined."""
    if "\0" in value:
        tally.repair(Repair.NUL, value.count("\0"))
        value = value.replace("\0", _REPLACEMENT)
    if _SURROGATE.search(value):
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        value, count = _SURROGATE.subn(_REPLACEMENT, value)
        tally.repair(Repair.SURROGATE, count)
    return value


def json_value(value: Any, tally: Tally, depth: int = 0) -> Any:
    """Returns the value with everything in it storable; bytes become base64."""
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
    """Returns what should be a text as a text; other values are written as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        # A database may keep a text as a BLOB.
        tally.repair(Repair.BINARY)
        return decoded(value)
    tally.repair(Repair.NO_TEXT)
    return json.dumps(value, ensure_ascii=False)


def decoded(stored: bytes) -> str:
    """Decodes a stored text. What is not UTF-8 becomes lone surrogates, which `text` replaces and counts."""
    try:
        return stored.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return stored.decode("utf-8", "surrogateescape")


def name(value: Any, tally: Tally, fallback: str) -> str:
    """Returns a text fit for a name: not empty, without space around it, not too long."""
    full = plain(value, Tally())
    fit = full.strip() or fallback
    if len(fit) > checking.NAME_LENGTH:
        fit = fit[: checking.NAME_LENGTH - 1].rstrip() + "…"
    if fit != full.strip():
        tally.repair(Repair.NAME)
    return fit


def title(value: Any, tally: Tally) -> str:
    """Returns the title of a conversation that was found with this one."""
    return name(value, tally, UNTITLED) if value else UNTITLED


def title_since(created: datetime | None) -> str:
    """Returns the title of a history that was kept in its character."""
    return UNTITLED + (f" ({created:%Y-%m-%d})" if created else "")


def moment(value: Any) -> datetime | None:
    """Returns a time as the old program wrote it, naive and in UTC; None for what is not a time."""
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def created_at(values: Mapping[str, Any]) -> datetime | None:
    return moment(values.get("created_at"))


def active_at(values: Mapping[str, Any]) -> datetime | None:
    """Returns when a conversation was last active. `updated_at` is not reliable: it may be before `created_at`."""
    created, updated = created_at(values), moment(values.get("updated_at"))
    return max(updated, created) if updated and created else updated or created
