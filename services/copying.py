"""The command `copy`: everything from one database into another, whichever of the two kinds they are."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from models import Database, Unavailable
from models.copying import CopiedTable, CopyError, Tick, copy
from services.progress import Progress, counted
from services.settings import Settings

_DONE, _NOTHING_COPIED = 0, 2
_DESCRIPTION = (
    "Copy everything from one database into another that is empty: from SQLite into PostgreSQL, or back. The "
    "source is only read; stop its server first, because what it writes later is not copied. All rows are copied, "
    "or none, and both databases are compared in the end. Ends with 0, or with 2 when nothing was copied."
)


def add_to(commands: Any) -> None:
    """Declares the command, which sets `run`."""
    copying = commands.add_parser("copy", help="copy everything into another database", description=_DESCRIPTION)
    copying.add_argument("source", metavar="FROM_URL", help="such as sqlite:///data/repartee.db")
    copying.add_argument("target", metavar="TO_URL", help="such as postgresql://user@127.0.0.1/repartee")
    copying.set_defaults(run=_run)


async def _run(settings: Settings, options: argparse.Namespace) -> int:
    databases: list[Database] = []
    try:
        for url in (options.source, options.target):
            databases.append(Database(url))
        source, target = databases
        if not source.exists():
            return _failed(f"There is no database at {_shown(source)}.")
        tables = await copy(source, target, _over)
        _report(tables, source, target)
        return _DONE
    except (CopyError, ArgumentError, NoSuchModuleError) as reason:
        return _failed(str(reason))
    except Unavailable as reason:
        return _failed(
            f"A database cannot be reached, or another program has it locked: {reason.__cause__ or reason}"
        )
    except (DBAPIError, OSError) as error:
        return _failed(f"A database cannot be used: {getattr(error, 'orig', error)}.")
    finally:
        for database in databases:
            await database.close()


@contextmanager
def _over(label: str, size: int) -> Iterator[Tick]:
    with Progress(sys.stderr).over(label, size, "row") as tick:
        yield lambda done: tick(done, done)


def _report(tables: Sequence[CopiedTable], source: Database, target: Database) -> None:
    width = max(len(table.name) for table in tables)
    print(f"{_shown(source)} was copied to {_shown(target)}; both have the same rows:")
    for table in tables:
        print(f"  {table.name:{width}}  {table.rows:>11,}  {table.digest}")
    print(f"{counted(sum(table.rows for table in tables), 'row')} in all.")


def _shown(database: Database) -> str:
    return database.url.render_as_string(hide_password=True)


def _failed(reason: str) -> int:
    print(f"Nothing was copied. {reason}", file=sys.stderr)
    return _NOTHING_COPIED
