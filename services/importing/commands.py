"""The commands `import` and `export`: their arguments, what they print, and their exit codes."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from models import LOCAL_OWNER, Database
from services.access.accounts import Accounts
from services.access.grants import Grants
from services.access.users import UserService
from services.errors import NotFound
from services.importing import printing
from services.importing.reports import ALL_DONE, NOTHING_USABLE
from services.importing.service import ImportService, Locked, Outdated, migrate
from services.importing.sources import Format, Unwritable
from services.progress import Progress, counted
from services.settings import Settings

_AUTO = "auto"
_IMPORT = (
    "Import characters and histories of {0.program}. Sources are only read; what was imported before is left "
    "alone. The server may run meanwhile. Ends with 0 when everything is imported or was there already, 1 when "
    "something was skipped, 2 when nothing was usable."
)
_EXPORT = (
    "Write every character and conversation in the format of {0.program}, into a new folder. What was imported is "
    "written as it was found, except for what was changed since. Ends with 0, or with 2 when nothing could be "
    "written."
)


def add_to(commands: Any, format: Format) -> None:
    """Declares both commands for a format; each sets `run`."""
    importing = commands.add_parser(
        "import", help=f"import chats of {format.program}", description=_IMPORT.format(format)
    )
    importing.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=format.files)
    importing.add_argument("--dry-run", action="store_true", help="report what would happen, and write nothing")
    importing.add_argument(
        "--as",
        dest="form",
        default=_AUTO,
        choices=[_AUTO, *format.forms],
        help="the form of the files, if it should not be recognised",
    )
    importing.add_argument("--json", action="store_true", help="report as JSON")
    importing.set_defaults(run=partial(run_import, format))
    exporting = commands.add_parser(
        "export", help=f"export everything in the format of {format.program}", description=_EXPORT.format(format)
    )
    exporting.add_argument("path", type=Path, metavar="PATH", help="a folder that is new, or empty")
    exporting.add_argument("--character", metavar="ID", help="only this character")
    exporting.add_argument(
        "--format", default=format.exported_form, choices=[format.exported_form], help="the format of the files"
    )
    exporting.set_defaults(run=partial(run_export, format))
    for one in (importing, exporting):
        one.add_argument("--user", metavar="NAME", help="whose chats, on a server with accounts")


async def run_import(format: Format, settings: Settings, options: argparse.Namespace) -> int:
    async def work(database: Database) -> int:
        owner = await _owner(database, options.user)
        service = ImportService(database, owner, format, Progress(sys.stderr))
        act = service.rehearse if options.dry_run else service.run
        report = await act(options.paths, None if options.form == _AUTO else options.form)
        print(json.dumps(report.summary(), indent=2) if options.json else printing.text(report))
        return report.code

    return await _with_database(settings, work)


async def run_export(format: Format, settings: Settings, options: argparse.Namespace) -> int:
    async def work(database: Database) -> int:
        if not database.exists():
            return _failed(f"There is no database at {database.url.database}.")
        await migrate(database, Progress(sys.stderr))
        owner = await _owner(database, options.user)
        done = await format.export(database, owner, options.path, options.character)
        written = counted(done.characters, "character"), counted(done.conversations, "conversation")
        print(f"Exported {' and '.join(written)} ({counted(done.messages, 'message')}) to {options.path}.")
        return ALL_DONE

    return await _with_database(settings, work)


async def _owner(database: Database, name: str | None) -> str:
    """Returns the id of the user, or of the local one. Raises LookupError."""
    if name is None:
        return LOCAL_OWNER
    user = await UserService(Accounts(database, Grants())).named(name) if database.exists() else None
    if user is None:
        raise LookupError(f'There is no user with the name "{name}".')
    return user.id


async def _with_database(settings: Settings, work: Callable[[Database], Awaitable[int]]) -> int:
    database = Database(settings.database_url)
    try:
        return await work(database)
    except (Locked, Outdated, Unwritable, NotFound, LookupError) as reason:
        return _failed(str(reason))
    except (DBAPIError, OSError) as error:
        cause = getattr(error, "orig", error)
        return _failed(f"{database.url.render_as_string(hide_password=True)} cannot be used: {cause}.")
    finally:
        await database.close()


def _failed(reason: str) -> int:
    print(reason, file=sys.stderr)
    return NOTHING_USABLE
