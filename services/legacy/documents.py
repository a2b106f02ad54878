"""Reading JSON files: a character with its history, or the export of one history."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models import OriginKind
from services.legacy import files, histories, repairs, times
from services.legacy.characters import BLANK, Document
from services.legacy.findings import Finding, Form, FoundCharacter, FoundHistory, Unusable
from services.legacy.tallies import Tally

# A JSON file is read whole; a larger one is refused.
SIZE_LIMIT = 64 * 1024 * 1024

_UNKNOWN = "Unknown character"


@files.readable()
def load(path: Path) -> Any:
    """Return what the file holds. Raises Unusable."""
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
    """Tell the form by the keys. None: it is none of them."""
    keys = document.keys() if isinstance(document, dict) else set()
    if "character" in keys and "history" in keys:
        return Form.HISTORY_JSON
    if "chat_history" in keys and not keys.isdisjoint({"character_name", "character_id"}):
        return Form.HISTORY_JSON
    if isinstance(keys and document.get("name"), str) and not keys.isdisjoint(BLANK.keys() - {"name"}):
        return Form.CHARACTER_JSON
    return None


def findings(document: Any, form: Form) -> Iterator[Finding]:
    """Yield the one character or history. Raises Unusable when the document has not got the form's keys."""
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
    yield FoundCharacter(None, Form.CHARACTER_JSON, found, tally)
    if rows != []:
        yield FoundHistory(
            character=None,
            form=Form.CHARACTER_JSON,
            row_id=None,
            document={},
            title=times.UNTITLED,
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
    yield FoundCharacter(None, Form.HISTORY_JSON, named, Tally(), only_named=True)
    yield FoundHistory(
        character=None,
        form=Form.HISTORY_JSON,
        row_id=found.get("id"),
        document=found,
        title=found.get("title"),
        rows=rows,
        tally=tally,
        created_at=times.created_at(found),
        active_at=times.active_at(found),
    )


def history_key(document: Document) -> str:
    return "chat_history" if "chat_history" in document else "history"


def name_key(document: Document) -> str:
    return "character" if "character" in document and "character_name" not in document else "character_name"


def _rows(found: Document, key: str, tally: Tally) -> list[histories.Row] | None:
    """Read the history; in the document stays what an empty or unreadable one was written as."""
    try:
        rows = histories.rows(histories.decoded(found.get(key), tally, encodings=1), tally)
    except histories.Unreadable as reason:
        tally.skip(str(reason), key)
        return None
    if rows:
        found[key] = []
    return rows


def _looks_like_json(path: Path) -> bool:
    # A byte order mark, or the zeros of UTF-16 and UTF-32, may stand before or between.
    with path.open("rb") as file:
        beginning = file.read(4096).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    return beginning[:1] in b'{["' and bool(beginning)
