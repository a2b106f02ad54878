"""From paths to sources: which files, in which form, in which order."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.legacy import databases, documents, files, sessions
from services.legacy.findings import Finding, Form, Unusable

_READERS = {Form.LEGACY_DB: databases, Form.SESSIONS_DB: sessions}
_SIDE_FILES = ("-wal", "-shm", "-journal")
_ORDER = list(Form)


@dataclass(frozen=True)
class Source:
    """A file and what is in it; a database may hold both generations. `problem` says why nothing is usable."""

    path: Path
    forms: tuple[Form, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Reading:
    """What an open source yields, and about how much."""

    size: int
    findings: Iterator[Finding]


def recognised(paths: Iterable[Path], wanted: Form | None) -> list[Source]:
    """Look into every file; characters come before the histories that only name one."""
    sources = [_recognised(path, wanted) for path in _files(paths)]
    return sorted(sources, key=lambda source: _ORDER.index(source.forms[0]) if source.forms else len(_ORDER))


@contextmanager
def reading(source: Source) -> Iterator[Reading]:
    """Open a source. Raises Unusable, also later, while its findings are taken."""
    readers = [_READERS[form] for form in source.forms if form in _READERS]
    if not readers:
        yield Reading(2, documents.findings(documents.load(source.path), source.forms[0]))
        return
    with files.opened(source.path) as connection:
        tables = files.tables(connection)
        size = sum(reader.size(connection, tables) for reader in readers)
        yield Reading(size, (found for reader in readers for found in reader.findings(connection, tables)))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files, each once; of a folder those directly in it, without what belongs to a database."""
    seen = set()
    for given in paths:
        for path in filter(_is_candidate, sorted(given.iterdir())) if given.is_dir() else [given]:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def _is_candidate(path: Path) -> bool:
    belongs_to = [path.with_name(path.name.removesuffix(end)) for end in _SIDE_FILES if path.name.endswith(end)]
    return path.is_file() and not path.name.startswith(".") and not any(map(Path.exists, belongs_to))


def _recognised(path: Path, wanted: Form | None) -> Source:
    try:
        if path.exists() and not path.is_file():
            raise Unusable("this is no file")
        forms = _forms_of_database(path) if files.is_database(path) else _forms_of_document(path, wanted)
        if wanted and wanted not in forms:
            raise Unusable(f"this is no {wanted}" + (f" but {' and '.join(forms)}" if forms else ""))
        return Source(path, (wanted,) if wanted else tuple(forms))
    except Unusable as reason:
        return Source(path, problem=str(reason))


def _forms_of_database(path: Path) -> list[Form]:
    with files.opened(path) as connection:
        tables = files.tables(connection)
    if forms := [form for form, reader in _READERS.items() if reader.fits(tables)]:
        return forms
    if "alembic_version" in tables and "system_prompt" in tables.get("characters", ()):
        raise Unusable("this is a database of Repartee itself; nothing needs to be imported from it")
    names = ", ".join(sorted(tables)[:5]) or "none"
    raise Unusable(f"this is a database of another program (its tables: {names})")


def _forms_of_document(path: Path, wanted: Form | None) -> list[Form]:
    document = documents.load(path)
    if wanted and wanted not in _READERS:
        documents.findings(document, wanted)
        return [wanted]
    if form := documents.form_of(document):
        return [form]
    kind = "a list" if isinstance(document, list) else "an object" if isinstance(document, dict) else "a value"
    raise Unusable(f"this JSON is {kind} that is neither a character nor the export of a history")
