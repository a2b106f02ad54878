"""Histories of the old shape into rows of messages. Pure functions."""

import json
from typing import Any

from models import Role
from services import chat_history
from services.importing.values import MessageRow, Tally
from services.legacy import repairs
from services.legacy.repairs import Repair

_ERROR_TEXTS = ("An error occurred", "Bir hata oluştu:")

# The list is a JSON text in its column; the old program often encoded it twice.
_ENCODINGS = 3


class Unreadable(Exception):
    """A value is not a history; the text says why."""


def decoded(cell: Any, tally: Tally, encodings: int = 0) -> list[Any]:
    """Returns the list that a cell holds, however often it was encoded; a value from JSON was encoded once before.

    No value and empty text are an empty history. Raises Unreadable.
    """
    value = repairs.decoded(cell) if isinstance(cell, bytes) else cell
    while isinstance(value, str) and value.strip() and encodings < _ENCODINGS:
        value = _loaded(value)
        encodings += 1
    if encodings > 1:
        tally.repair(Repair.DOUBLE_ENCODED)
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    if not isinstance(value, list):
        raise Unreadable("the history is not a list")
    return value


def rows(history: list[Any], tally: Tally) -> list[MessageRow]:
    """Returns the rows in order. Takes the list apart meanwhile, so that memory holds the history once."""
    made = []
    for index, item in enumerate(history):
        history[index] = None
        if isinstance(item, dict):
            made.append(row(item, tally))
        else:
            tally.skip("a message is not a JSON object", f"message {index + 1}")
    return made


def row(item: dict[str, Any], tally: Tally) -> MessageRow:
    """Returns a message as a row; keys without a column, and a role that is none of ours, are kept in `extra`."""
    extra = {key: value for key, value in item.items() if key not in ("role", "content")}
    if extra:
        extra = repairs.json_value(extra, tally)
    named = item.get("role")
    role, is_ours = chat_history.role_of(named)
    if not is_ours:
        tally.repair(Repair.ROLE)
        if "role" in item:
            extra["role"] = repairs.json_value(named, tally)
    content = repairs.text(_content(item, tally), tally)
    if role is not Role.USER and content.startswith(_ERROR_TEXTS):
        tally.error_texts += 1
    return {"role": role, "content": content, "hidden": extra.get("is_hidden") is True, "extra": extra or None}


def _content(item: dict[str, Any], tally: Tally) -> str:
    content = item.get("content")
    if content is None:
        tally.repair(Repair.NO_TEXT)
    return repairs.plain(content, tally)


def _loaded(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the history is not JSON") from error
