"""Access to the tables of accounts, which belong to the server and to no owner; and the audit of what changes."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    LOCAL_OWNER,
    Attempt,
    AuditEvent,
    Credential,
    Database,
    User,
    UserRole,
    UserStatus,
    after_commit,
    everyone,
    now,
)
from models.database import Work
from services.access.grants import Grants
from services.access.identity import Identity

T = TypeVar("T")

# The name of the local user until somebody takes it over; nobody else can have it.
LOCAL_NAME = "local"
# Conditions for the users who can administer the server.
ADMINS = User.name != LOCAL_NAME, User.role == UserRole.ADMIN, User.status == UserStatus.ACTIVE

_AUDIT_KEPT = timedelta(days=90)
_ATTEMPTS_KEPT = timedelta(days=1)
_CREDENTIALS_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Act:
    """What is done to an account: by whom (None: by name and password, or from the console), and from where."""

    caller: Identity | None = None
    network: str = ""


CONSOLE = Act(network="console")


async def _nothing(owner: str) -> None:
    pass


class Accounts:
    """`welcome` is called with the id of each new user, once there is one."""

    def __init__(self, database: Database, grants: Grants) -> None:
        self._database = database
        self.grants = grants
        self.welcome: Callable[[str], Awaitable[None]] = _nothing

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._database.read(everyone())

    async def write(self, work: Work[T]) -> T:
        try:
            return await self._database.write(everyone(), work)
        except IntegrityError:
            # Somebody else has made the same row meanwhile, which `work` finds now.
            return await self._database.write(everyone(), work)

    async def open(self) -> None:
        """Makes the local user, whom the first admin takes over with the chats of the time before accounts."""

        async def work(session: AsyncSession) -> None:
            if await session.get(User, LOCAL_OWNER) is None:
                session.add(local_user())

        await self.write(work)

    async def has_admin(self) -> bool:
        async with self.read() as session:
            return await session.scalar(select(User.id).where(*ADMINS).limit(1)) is not None

    async def expire(self) -> None:
        """Deletes what nobody needs any more."""

        async def work(session: AsyncSession) -> None:
            moment = now()
            await session.execute(delete(AuditEvent).where(AuditEvent.at < moment - _AUDIT_KEPT))
            await session.execute(delete(Attempt).where(Attempt.blocked_until < moment - _ATTEMPTS_KEPT))
            for ended_at in (Credential.expires_at, Credential.revoked_at):
                await session.execute(delete(Credential).where(ended_at < moment - _CREDENTIALS_KEPT))

        await self.write(work)

    async def revoke(self, session: AsyncSession, *conditions: object) -> list[str]:
        """Revokes the credentials that match; after the commit, ends what is open by them. Returns their ids."""
        query = select(Credential).where(Credential.revoked_at.is_(None), *conditions)  # type: ignore[arg-type]
        found = list(await session.scalars(query))
        for credential in found:
            credential.revoked_at = now()
        ids = [credential.id for credential in found]
        after_commit(session, lambda: self.grants.end_credentials(ids))
        return ids


def audit(
    session: AsyncSession,
    act: Act,
    action: str,
    subject: str | None,
    credential_id: str | None = None,
    outcome: str = "done",
) -> None:
    """Records what was done, to be stored with it."""
    session.add(
        AuditEvent(
            actor=act.caller.owner if act.caller else None,
            action=action,
            subject=subject,
            credential_id=credential_id or (act.caller.credential_id if act.caller else None),
            network=act.network,
            outcome=outcome,
        )
    )


def local_user() -> User:
    return User(
        id=LOCAL_OWNER,
        name=LOCAL_NAME,
        name_folded=LOCAL_NAME,
        display_name="",
        role=UserRole.ADMIN,
        status=UserStatus.ACTIVE,
        created_at=now(),
    )
