"""Deleting a user with everything that belongs to it: replies stop, credentials end, rows go."""

import asyncio
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Credential, Database, IdempotencyKey, Origin, UsageDay, User, UserStatus
from services.access.accounts import Accounts, Act
from services.access.identity import Identity
from services.access.permissions import require_admin, require_recent_sign_in
from services.access.users import UserService
from services.characters import CharacterService
from services.errors import InvalidInput, NotFound

_BATCH = 100


class LeavingService:
    def __init__(
        self, database: Database, accounts: Accounts, users: UserService, characters: CharacterService
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._users = users
        self._characters = characters
        self._tasks: set[asyncio.Task[str]] = set()

    async def delete_own(self, caller: Identity, name: str, act: Act) -> str:
        """Raises Forbidden, and InvalidInput unless the caller has this name."""
        require_recent_sign_in(caller)
        named = await self._users.named(name)
        if named is None or named.id != caller.owner:
            raise InvalidInput("This is not the name of your account.", "name")
        return await self._completed(caller.owner, act)

    async def delete_user(self, caller: Identity, user_id: str, act: Act) -> str:
        """Raises Forbidden and NotFound."""
        require_admin(caller)
        return await self._completed(user_id, act)

    async def delete_from_console(self, user_id: str, act: Act) -> str:
        """Raises NotFound."""
        return await self._completed(user_id, act)

    async def close(self) -> None:
        """Waits for the deletions that were begun."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _completed(self, user_id: str, act: Act) -> str:
        """Deletes the user, also when the caller leaves: who deletes itself is signed out in the middle of it."""
        task = asyncio.create_task(self._delete(user_id, act), name="leaving")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _delete(self, user_id: str, act: Act) -> str:
        await self._users.check_can_go(user_id)
        # From here on nothing new begins; if the server ended now, an admin could do the rest by doing it again.
        await self._accounts.write(partial(self._shut_out, user_id))
        while ids := await self._some_characters(user_id):
            for id in ids:
                await self._characters.delete(user_id, id)
        await self._database.write(user_id, _delete_traces)
        await self._users.forget(user_id, act)
        return user_id

    async def _shut_out(self, user_id: str, session: AsyncSession) -> None:
        user = await session.get(User, user_id, with_for_update=True)
        if user is None:
            raise NotFound("user", user_id)
        user.status = UserStatus.DISABLED
        await self._accounts.revoke(session, Credential.user_id == user_id)

    async def _some_characters(self, owner: str) -> list[str]:
        async with self._database.read(owner) as session:
            return list(await session.scalars(select(Character.id).limit(_BATCH)))


async def _delete_traces(session: AsyncSession) -> None:
    owner = session.info["owner"]
    for of_owner in (delete(IdempotencyKey), delete(Origin), delete(UsageDay).where(UsageDay.user_id == owner)):
        await session.execute(of_owner)
