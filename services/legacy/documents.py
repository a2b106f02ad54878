"""Reader for JSON files: a character with its history, or the export of one history."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models import OriginKind
from services.importing.values import Document, Finding, FoundHistory, MessageRow, Tally, Unusable
from services.legacy import characters, files, histories, repairs
from services.legacy.forms import BLANK, Form

# A JSON file is read whole; a larger one is refused.
SIZE_LIMIT = 64 * 1024 * 1024

_UNKNOWN = "Unknown character"


@files.readable()
def load(path: Path) -> Any:
    """Returns what the file holds. Raises Unusable."""
    size = path.stat().st_size
    if size == 0:
        raise Unusable("the file is empty")
    if not _looks_like_json(path):
        raise Unusable("this is neither a database nor JSON")
    if size > SIZE_LIMIT:
        raise Unusable(
            f"a JSON file of {size / 2**20:,.0f} MiB is more than the {SIZE_LIMIT // 2**20} MiB read at once: "
            "split its history into several files with the same name in them, or import the database it came from"
        )
    try:
        return json.loads(path.read_bytes())
    except RecursionError as error:
        raise Unusable("the JSON is nested too deeply") from error
    except ValueError as error:
        raise Unusable(f"the JSON is not valid ({error})") from error


def form_of(document: Any) -> Form | None:
    """Returns the form that a document's keys tell, or None."""
    if not isinstance(document, dict):
        return None
    if "character" in document and "history" in document:
        return Form.HISTORY_JSON
    if "chat_history" in document and ("character_name" in document or "character_id" in document):
        return Form.HISTORY_JSON
    has_field = any(key in document for key in BLANK if key != "name")
    if isinstance(document.get("name"), str) and has_field:
        return Form.CHARACTER_JSON
    return None


def findings(document: Any, form: Form) -> Iterator[Finding]:
    """Returns the character, the history, or both. Raises Unusable if the document lacks the form's keys."""
    if not isinstance(document, dict):
        raise Unusable(f"{form} is a JSON object, this is not")
    if form is Form.CHARACTER_JSON:
        if not isinstance(document.get("name"), str):
            raise Unusable("the character has no name")
        return _character(document)
    if "history" not in document and "chat_history" not in document:
        raise Unusable("there is no history in it")
    return _history(document)


def _character(document: Document) -> Iterator[Finding]:
    tally, history_tally = Tally(), Tally()
    found = dict(document)
    rows = _rows(found, "chat_history", history_tally)
    if rows == []:
        tally.add(history_tally)
    found = repairs.json_value(found, tally)
    yield characters.found(None, Form.CHARACTER_JSON, found, tally)
    if rows != []:
        yield FoundHistory(
            character=None,
            form=Form.CHARACTER_JSON,
            row_id=None,
            document={},
            title=repairs.UNTITLED,
            rows=rows,
            tally=history_tally,
            kind=OriginKind.OWN_HISTORY,
        )


def _history(document: Document) -> Iterator[Finding]:
    tally = Tally()
    found = dict(document)
    rows = _rows(found, history_key(found), tally)
    found = repairs.json_value(found, tally)
    named = {**BLANK, "name": found.get(name_key(found)) or _UNKNOWN}
    yield characters.found(None, Form.HISTORY_JSON, named, Tally(), only_named=True)
    yield FoundHistory(
        character=None,
        form=Form.HISTORY_JSON,
        row_id=found.get("id"),
        document=found,
        title=repairs.title(found.get("title"), tally),
        rows=rows,
        tally=tally,
        created_at=repairs.created_at(found),
        active_at=repairs.active_at(found),
    )


def history_key(document: Document) -> str:
    """Returns the key of an export under which its history is."""
    return "chat_history" if "chat_history" in document else "history"


def name_key(document: Document) -> str:
    """Returns the key of an export under which the character's name is."""
    return "character" if "character" in document and "character_name" not in document else "character_name"


def _rows(found: Document, key: str, tally: Tally) -> list[MessageRow] | None:
    """Reads a history; an empty or unreadable one stays in the document as it was written."""
    try:
        rows = histories.rows(histories.decoded(found.get(key), tally, encodings=1), tally)
    except histories.Unreadable as reason:
        tally.skip(str(reason), key)
        return None
    if rows:
        found[key] = []
    return rows


def _looks_like_json(path: Path) -> bool:
    # A byte order mark may come first, and the zeros of UTF-16 and UTF-32 between.
    with path.open("rb") as file:
        beginning = file.read(4096).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    return beginning[:1] in b'{["' and bool(beginning)
