"""Histories of the old shape into columns of messages. Pure functions."""

import json
from typing import Any

from models import Role
from services.legacy import repairs
from services.legacy.tallies import Repair, Tally

Row = dict[str, Any]

_ERROR_TEXTS = ("An error occurred", "Bir hata oluştu:")
_ROLES = {role.lower(): role for role in Role}

# An encoded list inside a JSON text, and once more to be sure.
_ENCODINGS = 3


class Unreadable(Exception):
    """What should be a history is none; the text says why."""


def decoded(cell: Any, tally: Tally, encodings: int = 0) -> list[Any]:
    """Return the list that a cell holds, however often it was encoded; a value of JSON was once already.

    Nothing at all is an empty history. Raises Unreadable.
    """
    value = cell
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    while isinstance(value, str) and value.strip() and encodings < _ENCODINGS:
        value = _loaded(value)
        encodings += 1
    if encodings > 1:
        tally.repair(Repair.DOUBLE_ENCODED)
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    if not isinstance(value, list):
        raise Unreadable("its history is no list")
    return value


def rows(history: list[Any], tally: Tally) -> list[Row]:
    """Return the messages' columns, in order; takes the list apart on the way, so that memory holds it once."""
    made = []
    for index, item in enumerate(history):
        history[index] = None
        if isinstance(item, dict):
            made.append(row(item, tally))
        else:
            tally.skip("a message is no JSON object", f"message {index + 1}")
    return made


def row(item: dict[str, Any], tally: Tally) -> Row:
    """Return the columns of one message; keys that have none, and a role that is none of ours, stay in `extra`."""
    extra = {key: value for key, value in item.items() if key not in ("role", "content")}
    if extra:
        extra = repairs.json_value(extra, tally)
    role = _role(item, extra, tally)
    content = repairs.text(_content(item, tally), tally)
    if role is not Role.USER and content.startswith(_ERROR_TEXTS):
        tally.error_texts += 1
    return {"role": role, "content": content, "hidden": extra.get("is_hidden") is True, "extra": extra or None}


def _role(item: dict[str, Any], extra: dict[str, Any], tally: Tally) -> Role:
    named = item.get("role")
    if isinstance(named, str) and named in _ROLES:
        return _ROLES[named]
    tally.repair(Repair.ROLE)
    if "role" in item:
        extra["role"] = repairs.json_value(named, tally)
    return _ROLES.get(named.strip().lower(), Role.ASSISTANT) if isinstance(named, str) else Role.ASSISTANT


def _content(item: dict[str, Any], tally: Tally) -> str:
    content = item.get("content")
    if content is None:
        tally.repair(Repair.NO_TEXT)
    return repairs.plain(content, tally)


def _loaded(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Unreadable("its history is no JSON") from error
