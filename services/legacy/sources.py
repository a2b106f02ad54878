"""Recognises the old program's files by what is in them, and opens them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.importing.sources import Reading
from services.importing.values import Unusable
from services.legacy import databases, documents, files, sessions
from services.legacy.forms import Form

# Other forms are JSON documents.
_DATABASES = {Form.LEGACY_DB: databases, Form.SESSIONS_DB: sessions}


def recognise(path: Path, wanted: str | None) -> list[Form]:
    """Returns the forms of a file; a database may hold both generations. Raises Unusable."""
    if files.is_database(path):
        return _forms_of_database(path)
    return [_form_of_document(path, None if wanted is None else Form(wanted))]


@contextmanager
def read(path: Path, forms: Sequence[str]) -> Iterator[Reading]:
    """Opens a file in the given forms. Raises Unusable, also later, while its findings are taken."""
    readers = [reader for form, reader in _DATABASES.items() if form in forms]
    if not readers:
        yield Reading(2, documents.findings(documents.load(path), Form(forms[0])))
        return
    with files.opened(path) as connection:
        tables = files.tables(connection)
        size = sum(reader.size(connection, tables) for reader in readers)
        yield Reading(size, (found for reader in readers for found in reader.findings(connection, tables)))


def _forms_of_database(path: Path) -> list[Form]:
    with files.opened(path) as connection:
        tables = files.tables(connection)
    if forms := [form for form, reader in _DATABASES.items() if reader.fits(tables)]:
        return forms
    if "alembic_version" in tables and "system_prompt" in tables.get("characters", ()):
        raise Unusable("this is a database of Repartee itself; nothing needs to be imported from it")
    names = ", ".join(sorted(tables)[:5]) or "none"
    raise Unusable(f"this is a database of another program (its tables: {names})")


def _form_of_document(path: Path, wanted: Form | None) -> Form:
    document = documents.load(path)
    if wanted and wanted not in _DATABASES:
        documents.findings(document, wanted)
        return wanted
    if form := documents.form_of(document):
        return form
    kind = "a list" if isinstance(document, list) else "an object" if isinstance(document, dict) else "a value"
    raise Unusable(f"this JSON is {kind} that is neither a character nor the export of a history")
