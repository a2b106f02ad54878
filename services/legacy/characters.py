"""Characters between the old shape and ours. Pure functions.

What has a field here goes into it; every other key is kept in the metadata under its old name, and so is
the prompt with the blocks that the old program appended, which are cut from the prompt itself.
"""

from typing import Any

from models import Character
from services.legacy import repairs
from services.legacy.tallies import Repair, Tally

Document = dict[str, Any]

BLANK: Document = {
    "name": "",
    "background": "",
    "personality": "",
    "prompt": "",
    "wiki_info": "",
    "use_agentic": False,
    "chat_history": [],
}

_FIELDS = {"name": "name", "background": "description", "personality": "personality", "prompt": "system_prompt"}
_TOOL_BLOCK = "\n\nTools You Can Use:\n"
_UNNAMED = "Unnamed"


def columns(document: Document, tally: Tally) -> dict[str, Any]:
    """Return a character's columns."""
    extra = {
        key: value
        for key, value in document.items()
        if key not in _FIELDS and key != "chat_history" and value is not None
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


def document(character: Character, found: Document | None, history: list[Any] | None) -> Document:
    """Return the character in the old shape, as it was found as far as nobody changed it since.

    `history` is its own, if it has one.
    """
    known = BLANK if found is None else found
    again = columns(known, Tally())
    shown = {key: value for key, value in known.items() if value is None or key == "chat_history" or found is None}
    for key, column in _FIELDS.items():
        current = getattr(character, column)
        if current != again[column]:
            shown[key] = current
        elif key in known:
            shown[key] = known[key]
    shown |= {key: value for key, value in character.extra.items() if key not in _FIELDS}
    if history is not None:
        shown["chat_history"] = history
    return {key: shown[key] for key in (*known, *shown) if key in shown}
