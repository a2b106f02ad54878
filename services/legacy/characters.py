"""Characters between the old shape and the table. Pure functions.

Keys that have no column are kept in the metadata under their old names. The old program appended blocks of tools
to the prompt and saved them: they are cut from the system prompt, and the metadata keeps the whole prompt.
"""

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any

from services.importing.values import Document, FoundCharacter, Tally
from services.legacy import repairs
from services.legacy.forms import BLANK, Form
from services.legacy.repairs import Repair

_COLUMNS = {"name": "name", "background": "description", "personality": "personality", "prompt": "system_prompt"}
_TOOL_BLOCK = "\n\nTools You Can Use:\n"
_UNNAMED = "Unnamed"


def found(
    ref: Hashable,
    form: Form,
    document: Document,
    tally: Tally,
    created_at: datetime | None = None,
    only_named: bool = False,
) -> FoundCharacter:
    """Returns the character that a document describes; the document must have been repaired."""
    made = columns(document, tally)
    return FoundCharacter(ref, form, document, made, _identity(made), tally, created_at, only_named)


def columns(document: Document, tally: Tally) -> dict[str, Any]:
    """Returns the columns of a character."""
    extra = {
        key: value
        for key, value in document.items()
        if key not in _COLUMNS and key != "chat_history" and value is not None
    }
    prompt = repairs.plain(document.get("prompt"), tally)
    system_prompt = prompt.partition(_TOOL_BLOCK)[0]
    if system_prompt != prompt:
        tally.repair(Repair.TOOL_BLOCK, prompt.count(_TOOL_BLOCK))
        extra["prompt"] = prompt
    return {
        "name": repairs.name(document.get("name"), tally, _UNNAMED),
        "description": repairs.plain(document.get("background"), tally),
        "personality": repairs.plain(document.get("personality"), tally),
        "system_prompt": system_prompt,
        "extra": extra,
    }


def document(current: Mapping[str, Any], found: Document | None, history: list[Any] | None) -> Document:
    """Returns a character in the old shape: as it was found, except for what was changed since.

    `current` are its columns, and `history` is the character's own history, if it has one.
    """
    known = BLANK if found is None else found
    imported = columns(known, Tally())
    shown = {key: value for key, value in known.items() if value is None or key == "chat_history" or found is None}
    for key, column in _COLUMNS.items():
        if current[column] != imported[column]:
            shown[key] = current[column]
        elif key in known:
            shown[key] = known[key]
    shown |= {key: value for key, value in current["extra"].items() if key not in _COLUMNS}
    if history is not None:
        shown["chat_history"] = history
    return {key: shown[key] for key in (*known, *shown) if key in shown}


def _identity(columns: dict[str, Any]) -> list[Any]:
    # The blocks that were cut from the prompt grew by themselves; they make no other character.
    extra = {key: value for key, value in columns["extra"].items() if key != "prompt"}
    texts = [columns[name] for name in ("name", "description", "personality", "system_prompt")]
    return ["character", *texts, dict(sorted(extra.items()))]
