"""Forms that a source of the old program can have, and the keys of a character in it."""

from enum import StrEnum

from services.importing.values import Document


class Form(StrEnum):
    """Forms as `--as` names them, in the order of import: a history may name a character of an earlier form."""

    LEGACY_DB = "legacy-db"
    CHARACTER_JSON = "character-json"
    SESSIONS_DB = "sessions-db"
    HISTORY_JSON = "history-json"


# A character that says nothing of itself.
BLANK: Document = {
    "name": "",
    "background": "",
    "personality": "",
    "prompt": "",
    "wiki_info": "",
    "use_agentic": False,
    "chat_history": [],
}
