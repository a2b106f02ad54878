"""The history as one JSON list, in the shape that the old program's users know: `[{"role": …, "content": …, …}]`.

Pure functions. Roles are lower-case names; keys that have no column are kept in the message's metadata,
and nothing else is. A role that is none of ours is kept there too, under the key "role".
"""

import json
from collections.abc import Sequence
from typing import Any

from models import Message, Role, Status
from services import checking
from services.errors import InvalidInput

Element = dict[str, Any]


def element(message: Message) -> Element:
    """Return the message in the old shape."""
    extra = message.extra or {}
    return {"role": message.role.lower(), "content": message.content, **extra}


def is_shown(message: Message) -> bool:
    """Leave out replies that came to nothing; what somebody said empty is kept."""
    return bool(message.content) or message.status is Status.COMPLETED


def check(history: Any, limit: int, kept: int = 0) -> list[Element]:
    """Return the history if it has the old shape; the first `kept` elements are known to be good.

    Raises InvalidInput with the path of the offending element.
    """
    if not isinstance(history, list):
        raise InvalidInput('A list of {"role": …, "content": …} is needed here.', "chat_history")
    for index, item in enumerate(history[kept:], kept):
        _check_element(item, limit, "chat_history", index)
    return history


def columns(item: Element) -> dict[str, Any]:
    """Return an element as columns of a message."""
    extra = {key: value for key, value in item.items() if key not in ("role", "content")}
    return {
        "role": Role(item["role"].upper()),
        "content": item["content"],
        "hidden": item.get("is_hidden") is True,
        "extra": extra or None,
    }


def equal_beginning(path: Sequence[Message], history: Any) -> tuple[int, int]:
    """Return how many messages of the path, and of the history, say the same; what is not shown goes along."""
    same = rows = 0
    for position, message in enumerate(path):
        if not is_shown(message):
            continue
        if not isinstance(history, list) or same == len(history) or not _same(element(message), history[same]):
            break
        same, rows = same + 1, position + 1
    nothing_shown_follows = not any(map(is_shown, path[rows:]))
    if nothing_shown_follows and isinstance(history, list) and same == len(history):
        return len(path), same
    return rows, same


def _same(ours: Element, theirs: Any) -> bool:
    """Compare as JSON, where 1 is neither 1.0 nor true, and the order of keys is kept."""
    return json.dumps(ours) == json.dumps(_ordered(theirs))


def _ordered(item: Any) -> Any:
    """Put role and content first, as we give them out."""
    if not isinstance(item, dict):
        return item
    first = {key: item[key] for key in ("role", "content") if key in item}
    return {**first, **item}


def _check_element(item: Any, limit: int, *path: str | int) -> None:
    if not isinstance(item, dict):
        raise InvalidInput('An object {"role": …, "content": …} is needed here.', *path)
    if item.get("role") not in ("user", "assistant", "system"):
        raise InvalidInput('The role is one of "user", "assistant" and "system".', *path, "role")
    if not isinstance(item.get("content"), str):
        raise InvalidInput("The content is a text.", *path, "content")
    checking.text(item["content"], *path, "content", limit=limit)
    checking.json_value(item, *path)
