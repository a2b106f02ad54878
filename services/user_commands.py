"""The command `user`: users made, listed, disabled and deleted from the console, also when nobody can sign in."""

import argparse
import getpass
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError

from models import Database, User, UserRole, UserStatus
from services.access import passwords
from services.access.accounts import CONSOLE, Accounts
from services.access.grants import Grants
from services.access.leaving import LeavingService
from services.access.names import UserNames
from services.access.passwords import Passwords
from services.access.users import UserService
from services.broker.memory import MemoryBroker
from services.characters import CharacterService
from services.conversations import ConversationService
from services.errors import UserError
from services.paging import MAX_PAGE_SIZE, PageArguments
from services.settings import Settings
from services.usage import UsageService
from services.welcome import welcome_user

_DONE, _FAILED = 0, 2
_DESCRIPTION = "Users of a server with REPARTEE_ACCESS=accounts. The server may run meanwhile."
_NAME = "the name that the user signs in by"
_ASK = "ask for a password here, instead of printing a setup code"

Options = argparse.Namespace


class Console:
    """The services that the command needs, over one database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.accounts = Accounts(database, Grants())
        self.users = UserService(self.accounts)
        broker, names = MemoryBroker(), UserNames(self.accounts, settings)
        characters = CharacterService(database, broker, UsageService(database, is_kept=True))
        conversations = ConversationService(database, broker, names)
        self.accounts.welcome = partial(welcome_user, characters, conversations)
        self.leaving = LeavingService(database, self.accounts, self.users, characters)

    async def named(self, name: str) -> User:
        """Raises LookupError."""
        user = await self.users.named(name)
        if user is None:
            raise LookupError(f'There is no user with the name "{name}".')
        return user


Command = Callable[[Console, Options], Awaitable[str]]


async def _add(console: Console, options: Options) -> str:
    hashed = await _asked_password() if options.ask_password else None
    role = UserRole.ADMIN if options.admin else UserRole.USER
    user, issued = await console.users.create(options.name, role, CONSOLE)
    if hashed is None:
        return (
            f"{user.name} can sign in with this setup code, within 7 days, and choose a password:\n{issued.secret}"
        )
    await console.users.set_password_hash(user.id, hashed, CONSOLE)
    return f"{user.name} can sign in with this password."


async def _password(console: Console, options: Options) -> str:
    user = await console.named(options.name)
    if options.ask_password:
        await console.users.set_password_hash(user.id, await _asked_password(), CONSOLE)
        return f"{user.name} can sign in with this password, and is signed out everywhere."
    _, issued = await console.users.reset_password(user.id, CONSOLE)
    return f"{user.name} is signed out, and can choose a password with this setup code:\n{issued.secret}"


async def _list(console: Console, options: Options) -> str:
    lines, after = [], None
    while True:
        page = await console.users.page(CONSOLE, None, PageArguments(first=MAX_PAGE_SIZE, after=after))
        lines += [f"{user.id}  {user.role.value:5}  {user.status.value:8}  {user.name}" for user in page.nodes]
        if not page.has_next:
            return "\n".join(lines)
        after = page.cursors[-1]


async def _disable(console: Console, options: Options) -> str:
    user = await console.named(options.name)
    status = UserStatus.ACTIVE if options.undo else UserStatus.DISABLED
    await console.users.update(user.id, {"status": status}, CONSOLE)
    return f"{user.name} may sign in again." if options.undo else f"{user.name} is signed out, and cannot sign in."


async def _delete(console: Console, options: Options) -> str:
    user = await console.named(options.name)
    if not options.yes and not _confirmed(user.name):
        raise LookupError("Nothing was deleted.")
    await console.leaving.delete_from_console(user.id, CONSOLE)
    return f"{user.name} is deleted, with all chats."


def _confirmed(name: str) -> bool:
    return input(f"Delete {name} with all chats? Type the name again: ") == name


async def _asked_password() -> str:
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    passwords.check(password)
    return await Passwords().hash(password)


def add_to(commands: Any) -> None:
    """Declares the command with its own commands; each sets `run`."""
    parser = commands.add_parser("user", help="users of a server with accounts", description=_DESCRIPTION)
    own = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    adding = _added(own, "add", _add, "make a user")
    adding.add_argument("--admin", action="store_true", help="who takes over the chats from before, if the first")
    resetting = _added(own, "password", _password, "let a user choose a new password")
    for one in (adding, resetting):
        one.add_argument("--ask-password", action="store_true", help=_ASK)
    _added(own, "list", _list, "list all users", has_name=False)
    _added(own, "disable", _disable, "sign a user out for good").add_argument(
        "--undo", action="store_true", help="let the user sign in again"
    )
    _added(own, "delete", _delete, "delete a user with all chats").add_argument(
        "--yes", action="store_true", help="do not ask"
    )


def _added(commands: Any, name: str, command: Command, help: str, has_name: bool = True) -> Any:
    parser = commands.add_parser(name, help=help)
    if has_name:
        parser.add_argument("name", metavar="NAME", help=_NAME)

    async def run(settings: Settings, options: Options) -> int:
        return await _with_console(settings, command, options)

    parser.set_defaults(run=run)
    return parser


async def _with_console(settings: Settings, command: Command, options: Options) -> int:
    database = Database(settings.database_url)
    try:
        await database.migrate()
        console = Console(database, settings.model_copy(update={"access": "accounts"}))
        await console.accounts.open()
        print(await command(console, options))
        return _DONE
    except (LookupError, UserError) as reason:
        print(reason, file=sys.stderr)
        return _FAILED
    except (DBAPIError, OSError) as error:
        shown = database.url.render_as_string(hide_password=True)
        print(f"{shown} cannot be used: {getattr(error, 'orig', error)}.", file=sys.stderr)
        return _FAILED
    finally:
        await database.close()
