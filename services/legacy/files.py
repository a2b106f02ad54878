"""SQLite files of other programs: opened for reading only, and left as they are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from services.importing.values import Unusable
from services.legacy import repairs

_HEADER = b"SQLite format 3\0"
# Bytes 18 and 19 of the header are 2 in write-ahead mode.
_WRITE_AHEAD = b"\2\2"

# Seconds to wait for another program's lock on a source.
SOURCE_LOCK_SECONDS = 5.0

Tables = dict[str, list[str]]


@contextmanager
def readable() -> Iterator[None]:
    """Turns errors of the file system into Unusable."""
    try:
        yield
    except OSError as error:
        raise Unusable(f"it cannot be read ({error.strerror or error})") from error


@readable()
def is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens one unchanging view of a database. Raises Unusable, also for errors while it is read."""
    try:
        with closing(
            sqlite3.connect(_address(path), uri=True, timeout=SOURCE_LOCK_SECONDS, isolation_level=None)
        ) as connection:
            connection.text_factory = repairs.decoded
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise Unusable(_reason(error)) from error


def tables(connection: sqlite3.Connection) -> Tables:
    """Returns the names of all columns, in small letters, by table."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name.lower(): [row[1].lower() for row in connection.execute(f"PRAGMA table_info({quoted(name)})")]
        for name in names
        if not name.startswith("sqlite_")
    }


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def rows(connection: sqlite3.Connection, query: str, *parameters: object) -> Iterator[dict[str, object]]:
    """Returns an iterator that holds no row, so that memory has only the one that the caller took last."""
    return map(_by_name, connection.execute(query, parameters))


def count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0])


def _by_name(row: sqlite3.Row) -> dict[str, object]:
    return {key.lower(): row[key] for key in row.keys()}  # noqa: SIM118 - a Row iterates over its values


@readable()
def _address(path: Path) -> str:
    # Reading a database in write-ahead mode that nobody has open would create side files, unless it is immutable.
    log = path.with_name(path.name + "-wal")
    in_log = log.exists() and log.stat().st_size > 0
    with path.open("rb") as file:
        is_write_ahead = file.read(20)[18:] == _WRITE_AHEAD
    immutable = "&immutable=1" if is_write_ahead and not in_log else ""
    return f"{path.resolve().as_uri()}?mode=ro{immutable}"


def _reason(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"another program has it locked, also after {SOURCE_LOCK_SECONDS:g} s: close it and try again"
    if "malformed" in text or "not a database" in text:
        return f"the database is damaged ({text}): restore it from a backup, or try `sqlite3 FILE .recover`"
    return f"the database cannot be read ({text})"
