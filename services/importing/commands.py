"""The commands `import` and `export`: their arguments, what they print, and how they end."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from models import Database
from services import LOCAL_OWNER
from services.errors import NotFound
from services.legacy import locks, tables
from services.legacy.exports import ExportService
from services.legacy.findings import Form
from services.legacy.folders import Unwritable
from services.legacy.imports import ImportService
from services.legacy.progress import Progress
from services.legacy.reports import ALL_DONE, NOTHING_USABLE
from services.settings import Settings

_AUTO = "auto"
_IMPORT = (
    "Import characters and histories of the old program: databases, JSON files, or folders of them. Sources are "
    "only read; what was imported before is left alone. The server may run meanwhile. Ends with 0 when everything "
    "is imported or was there already, 1 when something was skipped, 2 when nothing was usable."
)
_EXPORT = (
    "Write every character and conversation in the old program's format, into a new folder. What was imported "
    "goes out as it came. Ends with 0, or with 2 when nothing could be written."
)


def add_to(commands: Any) -> None:
    """Declare both commands; each sets `run`."""
    taking = commands.add_parser("import", help="bring chats along from the old program", description=_IMPORT)
    taking.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a database, a JSON file, or a folder")
    taking.add_argument("--dry-run", action="store_true", help="tell what would happen, and write nothing")
    taking.add_argument(
        "--as", dest="form", default=_AUTO, choices=[_AUTO, *Form], help="the form, if it should not be recognised"
    )
    taking.add_argument("--json", action="store_true", help="report as JSON")
    taking.set_defaults(run=run_import)
    giving = commands.add_parser("export", help="write everything in the old format", description=_EXPORT)
    giving.add_argument("path", type=Path, metavar="PATH", help="a folder that is new, or empty")
    giving.add_argument("--character", metavar="ID", help="only this character")
    giving.add_argument("--format", default="legacy-json", choices=["legacy-json"], help="how to write")
    giving.set_defaults(run=run_export)


async def run_import(settings: Settings, options: argparse.Namespace) -> int:
    async def work(database: Database) -> int:
        service = ImportService(database, LOCAL_OWNER, Progress(sys.stderr))
        act = service.rehearse if options.dry_run else service.run
        report = await act(options.paths, None if options.form == _AUTO else Form(options.form))
        print(json.dumps(report.summary(), indent=2) if options.json else tables.text(report))
        return report.code

    return await _with_database(settings, work)


async def run_export(settings: Settings, options: argparse.Namespace) -> int:
    async def work(database: Database) -> int:
        if not database.exists():
            return _failed(f"There is no database at {database.url.database}.")
        await locks.patiently(database.migrate, Progress(sys.stderr).say)
        done = await ExportService(database, LOCAL_OWNER).run(options.path, options.character)
        written = tables.counted(done.characters, "character"), tables.counted(done.conversations, "conversation")
        print(f"Exported {' and '.join(written)} ({tables.counted(done.messages, 'message')}) to {options.path}.")
        return ALL_DONE

    return await _with_database(settings, work)


async def _with_database(settings: Settings, work: Callable[[Database], Awaitable[int]]) -> int:
    database = Database(settings.database_url)
    try:
        return await work(database)
    except (locks.Locked, Unwritable, NotFound) as reason:
        return _failed(str(reason))
    except (DBAPIError, OSError) as error:
        cause = getattr(error, "orig", error)
        return _failed(f"{database.url.render_as_string(hide_password=True)} cannot be used: {cause}.")
    finally:
        await database.close()


def _failed(reason: str) -> int:
    print(reason, file=sys.stderr)
    return NOTHING_USABLE
