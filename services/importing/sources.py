"""Formats, and the files that are in one: which files, in which form, in which order."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from models import Database, Owner
from services.importing.values import Finding, Unusable

# Files that SQLite keeps beside a database.
_SIDE_FILES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Reading:
    """An open source: its findings, and about how many there are. Taking them may raise Unusable."""

    size: int
    findings: Iterator[Finding]


@dataclass
class Exported:
    """How much an export wrote."""

    characters: int = 0
    conversations: int = 0
    messages: int = 0


class Unwritable(Exception):
    """An export cannot write to the path it was given; the text says why."""


@dataclass(frozen=True)
class Format:
    """What an import and an export need to know of a program's format.

    `program` and `files` name the program and what can be imported of it, for the commands' help.
    `forms` are the kinds of its files, in the order in which they are imported. `recognise` returns those that a
    file has, and is told if one was asked for; `read` opens a file in these forms. Both raise Unusable.
    `export` writes into a new folder; it raises Unwritable, and NotFound for the id of a character.
    """

    program: str
    files: str
    forms: tuple[str, ...]
    recognise: Callable[[Path, str | None], Sequence[str]]
    read: Callable[[Path, Sequence[str]], AbstractContextManager[Reading]]
    exported_form: str
    export: Callable[[Database, Owner, Path, str | None], Awaitable[Exported]]


@dataclass(frozen=True)
class Source:
    """A file and the forms it has; `problem` says why nothing of it is usable."""

    path: Path
    forms: tuple[str, ...] = ()
    problem: str | None = None


def recognised(format: Format, paths: Iterable[Path], wanted: str | None) -> list[Source]:
    """Looks into every file and returns the sources in the order in which they have to be imported."""
    sources = [_recognised(format, path, wanted) for path in _files(paths)]
    order = {form: index for index, form in enumerate(format.forms)}
    return sorted(sources, key=lambda source: order[source.forms[0]] if source.forms else len(order))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yields every file once; of a folder those directly in it, without hidden files and SQLite's side files."""
    seen = set()
    for given in paths:
        for path in filter(_is_candidate, sorted(given.iterdir())) if given.is_dir() else [given]:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def _is_candidate(path: Path) -> bool:
    belongs_to = [path.with_name(path.name.removesuffix(end)) for end in _SIDE_FILES if path.name.endswith(end)]
    return path.is_file() and not path.name.startswith(".") and not any(map(Path.exists, belongs_to))


def _recognised(format: Format, path: Path, wanted: str | None) -> Source:
    try:
        if path.exists() and not path.is_file():
            raise Unusable("this is not a file")
        forms = tuple(format.recognise(path, wanted))
        if wanted and wanted not in forms:
            raise Unusable(f"this is not {wanted} but {' and '.join(forms)}")
        return Source(path, (wanted,) if wanted else forms)
    except Unusable as reason:
        return Source(path, problem=str(reason))
