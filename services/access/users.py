"""Users: made, found, changed, disabled and deleted, by an admin or from the console."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import LOCAL_OWNER, Credential, User, UserRole, UserStatus, after_commit
from services import checking
from services.access.accounts import ADMINS, CONSOLE, LOCAL_NAME, Accounts, Act, audit
from services.access.credentials import Issued, issue_setup_code
from services.access.identity import Identity
from services.access.permissions import require_account, require_admin
from services.errors import Forbidden, InvalidInput, NotFound
from services.paging import Order, Page, PageArguments, searching

ORDER = Order("users", (User.name_folded, User.id))
_MAX = 1_000_000_000
_LAST_ADMIN = "This is the last admin. Make another one first."


class UserService:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def create(self, name: str, role: UserRole, act: Act) -> tuple[User, Issued]:
        """Makes a user, with a setup code. The first admin takes over the local user. Raises InvalidInput."""
        _check_admin(act)
        name = checking.name(name, "name")

        async def work(session: AsyncSession) -> tuple[User, Issued]:
            await _check_name(session, name)
            user = await _unclaimed(session) if role is UserRole.ADMIN else None
            if user is None:
                user = User(status=UserStatus.ACTIVE)
                session.add(user)
            user.name, user.name_folded, user.display_name = name, checking.fold(name), name
            user.role = role
            await session.flush()
            return user, await issue_setup_code(session, user, act, "createUser")

        user, issued = await self._accounts.write(work)
        await self._accounts.welcome(user.id)
        return user, issued

    async def reset_password(self, user_id: str, act: Act) -> tuple[User, Issued]:
        """Takes the password and all credentials away, and gives a setup code. Raises NotFound."""
        _check_admin(act)

        async def work(session: AsyncSession) -> tuple[User, Issued]:
            user = await _required(session, user_id)
            user.password_hash = None
            await self._accounts.revoke(session, Credential.user_id == user.id)
            return user, await issue_setup_code(session, user, act, "resetPassword")

        return await self._accounts.write(work)

    async def set_password_hash(self, user_id: str, hashed: str, act: Act) -> None:
        """Raises NotFound."""

        async def work(session: AsyncSession) -> None:
            user = await _required(session, user_id)
            user.password_hash = hashed
            await self._accounts.revoke(session, Credential.user_id == user.id)
            audit(session, act, "setPassword", user.id)

        await self._accounts.write(work)

    async def update(self, user_id: str, fields: Mapping[str, Any], act: Act) -> User:
        """Changes what is in `fields`: role, status, max_replies, tokens_a_day. Raises NotFound, InvalidInput."""
        _check_admin(act)

        async def work(session: AsyncSession) -> User:
            user = await _required(session, user_id)
            for limit in ("max_replies", "tokens_a_day"):
                if limit in fields:
                    setattr(user, limit, _limit(fields[limit], limit))
            before = user.role, user.status
            user.role = fields.get("role") or user.role
            user.status = fields.get("status") or user.status
            if before == (UserRole.ADMIN, UserStatus.ACTIVE):
                await _check_admins(session)
            if user.status is UserStatus.DISABLED:
                await self._accounts.revoke(session, Credential.user_id == user.id)
            if (user.role, user.status) != before:
                # What is open goes on with what the user may do now, once it is opened again.
                after_commit(session, lambda: self._accounts.grants.end_owners([user_id]))
            audit(session, act, "updateUser", user.id)
            return user

        return await self._accounts.write(work)

    async def update_own(self, caller: Identity, display_name: str | None) -> User:
        """Raises Forbidden and InvalidInput."""
        require_account(caller)

        async def work(session: AsyncSession) -> User:
            user = await session.get_one(User, caller.owner)
            if display_name is not None:
                user.display_name = checking.name(display_name, "display_name")
            return user

        return await self._accounts.write(work)

    async def check_can_go(self, user_id: str) -> None:
        """Raises NotFound, and InvalidInput for the last admin."""
        async with self._accounts.read() as session:
            user = await session.get(User, user_id)
            if user is None:
                raise NotFound("user", user_id)
            others = select(func.count(User.id)).where(*ADMINS, User.id != user_id)
            if user.role is UserRole.ADMIN and not await session.scalar(others):
                raise InvalidInput(_LAST_ADMIN)

    async def forget(self, user_id: str, act: Act) -> None:
        """Deletes the row of a user whose own rows are gone already, with its credentials. Raises NotFound."""

        async def work(session: AsyncSession) -> None:
            user = await _required(session, user_id)
            await session.delete(user)
            audit(session, act, "deleteUser", user_id)
            after_commit(session, lambda: self._accounts.grants.end_owners([user_id]))

        await self._accounts.write(work)

    async def by_ids(self, ids: Sequence[str]) -> list[User | None]:
        async with self._accounts.read() as session:
            found = await session.scalars(select(User).where(User.id.in_(ids)))
            by_id = {user.id: user for user in found}
        return [by_id.get(id) for id in ids]

    async def named(self, name: str) -> User | None:
        async with self._accounts.read() as session:
            return await session.scalar(select(User).where(User.name_folded == checking.fold(name)))

    async def page(self, act: Act, search: str | None, page: PageArguments) -> Page[User]:
        """Raises Forbidden."""
        _check_admin(act)
        async with self._accounts.read() as session:
            return await ORDER.of(search).page(session, _matching(search), page)

    async def count(self, act: Act, search: str | None) -> int:
        """Raises Forbidden."""
        _check_admin(act)
        async with self._accounts.read() as session:
            query = select(func.count(User.id)).where(*_conditions(search))
            return await session.scalar(query) or 0


def _check_admin(act: Act) -> None:
    if act is not CONSOLE:
        if act.caller is None:
            raise Forbidden("Only an admin may do this.")
        require_admin(act.caller)


async def _check_name(session: AsyncSession, name: str) -> None:
    if await session.scalar(select(User.id).where(User.name_folded == checking.fold(name))):
        raise InvalidInput(f'There is a user with the name "{name}" already.', "name")


async def _unclaimed(session: AsyncSession) -> User | None:
    """Returns the local user, as long as nobody has taken it over."""
    local = await session.get(User, LOCAL_OWNER, with_for_update=True)
    return local if local and local.name == LOCAL_NAME else None


async def _check_admins(session: AsyncSession) -> None:
    """Raises InvalidInput when nobody would be left who can administer the server."""
    await session.flush()
    if not await session.scalar(select(func.count(User.id)).where(*ADMINS)):
        raise InvalidInput(_LAST_ADMIN)


async def _required(session: AsyncSession, user_id: str) -> User:
    user = await session.get(User, user_id, with_for_update=True)
    if user is None:
        raise NotFound("user", user_id)
    return user


def _limit(value: int | None, field: str) -> int | None:
    if value is not None and not 0 <= value <= _MAX:
        raise InvalidInput(f"The limit must be between 0 and {_MAX:,}; got {value}.", field)
    return value


def _conditions(search: str | None) -> list[ColumnElement[bool]]:
    return searching(User.name_folded, search)


def _matching(search: str | None) -> Select[Any]:
    return select(User).where(*_conditions(search))
