"""Credentials of users: sessions, personal tokens and setup codes, made, looked up, listed and revoked."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Credential, CredentialKind, Unavailable, User, UserRole, UserStatus, now
from services import checking
from services.access import secrets
from services.access.accounts import Accounts, Act, audit
from services.access.errors import BAD_CREDENTIAL, Unauthenticated
from services.access.identity import AccessKind, Identity, ListedKind, TokenScope
from services.access.permissions import require_account, require_recent_sign_in
from services.errors import InvalidInput, NotFound
from services.lru_cache import TimedCache

SESSION_IDLE, SESSION_LIFE = timedelta(days=30), timedelta(days=90)
SETUP_LIFE = timedelta(days=7)
MAX_TOKEN_DAYS = 366
# Personal tokens of one user, and what a list of credentials can have.
MAX_TOKENS = 50
MAX_LISTED = 200
# Seconds that a credential which was looked up is taken for valid.
CACHE_SECONDS = 5.0
_CACHED = 10_000
_USED_AGAIN = timedelta(hours=1)
_HINT = 4


@dataclass(frozen=True)
class Issued:
    """A new credential, with its secret, which nobody can read again."""

    credential: Credential
    secret: str


class CredentialService:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known: TimedCache[str, Identity] = TimedCache(_CACHED, CACHE_SECONDS)
        accounts.grants.on_end.append(self._known.clear)

    async def identify(self, secret: str, kinds: Collection[CredentialKind]) -> Identity:
        """Raises Unauthenticated."""
        if not secrets.is_token(secret):
            raise Unauthenticated(BAD_CREDENTIAL)
        digest = secrets.digest(secret)
        identity = self._known.get(digest) or self._known.put(digest, await self._look_up(digest))
        has_expired = identity.expires_at is not None and identity.expires_at <= now()
        if has_expired or CredentialKind(identity.kind.value) not in kinds:
            raise Unauthenticated(BAD_CREDENTIAL)
        return identity

    async def _look_up(self, digest: str) -> Identity:
        query = select(Credential, User).join(User, User.id == Credential.user_id)
        query = query.where(
            Credential.digest == digest,
            Credential.kind != CredentialKind.SETUP,
            Credential.revoked_at.is_(None),
            User.status == UserStatus.ACTIVE,
        )
        async with self._accounts.read() as session:
            found = (await session.execute(query)).one_or_none()
        if found is None:
            raise Unauthenticated(BAD_CREDENTIAL)
        credential, user = found
        expires_at = await self._used(credential)
        return _identity(credential, user, expires_at)

    async def _used(self, credential: Credential) -> datetime | None:
        """Notes once an hour that the credential is used, which prolongs a session. Returns when it expires."""
        moment, id = now(), credential.id
        is_expired = credential.expires_at is not None and credential.expires_at <= moment
        if is_expired or (credential.last_used_at and credential.last_used_at > moment - _USED_AGAIN):
            return credential.expires_at
        expires_at = credential.expires_at
        if credential.kind is CredentialKind.SESSION and credential.name != _BOUNDED:
            expires_at = min(credential.created_at + SESSION_LIFE, moment + SESSION_IDLE)

        async def work(session: AsyncSession) -> None:
            if row := await session.get(Credential, id):
                row.last_used_at, row.expires_at = moment, expires_at

        with suppress(Unavailable):
            await self._accounts.write(work)
        return expires_at

    async def create_token(
        self, caller: Identity, name: str, scopes: Sequence[TokenScope], expires_in_days: int, act: Act
    ) -> Issued:
        """Raises Forbidden, and InvalidInput."""
        require_recent_sign_in(caller)
        name, granted = checking.name(name, "name"), " ".join(sorted(set(scopes)))
        if not granted:
            raise InvalidInput("Name at least one scope.", "scopes")
        if not 1 <= expires_in_days <= MAX_TOKEN_DAYS:
            message = f"expiresInDays must be between 1 and {MAX_TOKEN_DAYS}; got {expires_in_days}."
            raise InvalidInput(message, "expires_in_days")
        secret = secrets.new_token(secrets.TOKEN)

        async def work(session: AsyncSession) -> Issued:
            await _check_count(session, caller.owner)
            expires_at = now() + timedelta(days=expires_in_days)
            made = Credential(user_id=caller.owner, kind=CredentialKind.TOKEN, expires_at=expires_at)
            made.name, made.scopes, made.digest = name, granted, secrets.digest(secret)
            return await _issued(session, made, secret, act, "createToken")

        return await self._accounts.write(work)

    async def revoke(self, caller: Identity, credential_id: str, act: Act) -> str:
        """Raises NotFound and Forbidden; a personal token may revoke itself."""
        if credential_id != caller.credential_id:
            require_account(caller)

        async def work(session: AsyncSession) -> str:
            own = Credential.user_id == caller.owner, Credential.id == credential_id
            if not await self._accounts.revoke(session, *own, Credential.kind != CredentialKind.SETUP):
                raise NotFound("credential", credential_id)
            audit(session, act, "revokeCredential", caller.owner, credential_id)
            return credential_id

        return await self._accounts.write(work)

    async def revoke_others(self, caller: Identity, kind: ListedKind | None, act: Act) -> int:
        """Revokes all but the one that the caller uses, of one kind or of any. Returns how many.

        Raises Forbidden.
        """
        require_account(caller)
        kinds = [CredentialKind(one.value) for one in ([kind] if kind else ListedKind)]

        async def work(session: AsyncSession) -> int:
            own = Credential.user_id == caller.owner, Credential.id != (caller.credential_id or "")
            ids = await self._accounts.revoke(session, *own, Credential.kind.in_(kinds))
            audit(session, act, "revokeOtherCredentials", caller.owner, caller.credential_id)
            return len(ids)

        return await self._accounts.write(work)

    async def by_ids(self, owner: str, ids: Sequence[str]) -> list[Credential | None]:
        async with self._accounts.read() as session:
            found = await session.scalars(_valid(owner).where(Credential.id.in_(ids)))
            by_id = {credential.id: credential for credential in found}
        return [by_id.get(id) for id in ids]

    async def all_of(self, owner: str) -> Sequence[Credential]:
        async with self._accounts.read() as session:
            found = await session.scalars(_valid(owner).order_by(Credential.id.desc()).limit(MAX_LISTED))
            return list(found)

    async def end_invalid(self) -> None:
        """Ends what is open here by credentials that another process has revoked, and for users that are gone."""
        if ids := self._accounts.grants.open_credentials():
            async with self._accounts.read() as session:
                valid = set(await session.scalars(_usable().where(Credential.id.in_(ids))))
            self._accounts.grants.end_credentials([id for id in ids if id not in valid])
        if owners := self._accounts.grants.open_owners():
            active = select(User.id).where(User.status == UserStatus.ACTIVE, User.id.in_(owners))
            async with self._accounts.read() as session:
                present = set(await session.scalars(active))
            self._accounts.grants.end_owners([owner for owner in owners if owner not in present])


# The name of a session that must not be prolonged, as what it was made from expires.
_BOUNDED = "from outside"


async def issue_session(
    session: AsyncSession, user: User, act: Act, action: str = "signIn", until: datetime | None = None
) -> Issued:
    """Makes a session; `until` bounds it when it stands for a credential from outside."""
    secret = secrets.new_token(secrets.SESSION)
    made = Credential(user_id=user.id, kind=CredentialKind.SESSION, digest=secrets.digest(secret))
    made.name, made.last_used_at = "" if until is None else _BOUNDED, now()
    made.expires_at = now() + SESSION_IDLE if until is None else until
    return await _issued(session, made, secret, act, action)


async def issue_setup_code(session: AsyncSession, user: User, act: Act, action: str) -> Issued:
    secret = secrets.new_setup_code()
    made = Credential(user_id=user.id, kind=CredentialKind.SETUP, digest=secrets.digest_of_code(secret))
    made.expires_at = now() + SETUP_LIFE
    return await _issued(session, made, secret, act, action)


async def _issued(session: AsyncSession, made: Credential, secret: str, act: Act, action: str) -> Issued:
    made.hint = "" if made.kind is CredentialKind.SETUP else secret[-_HINT:]
    session.add(made)
    await session.flush()
    audit(session, act, action, made.user_id, made.id)
    return Issued(made, secret)


async def _check_count(session: AsyncSession, owner: str) -> None:
    of_owner = select(func.count(Credential.id)).where(
        Credential.user_id == owner, Credential.kind == CredentialKind.TOKEN, Credential.revoked_at.is_(None)
    )
    if (await session.scalar(of_owner) or 0) >= MAX_TOKENS:
        raise InvalidInput(f"Too many tokens; the limit is {MAX_TOKENS}. Revoke one first.")


def _valid(owner: str) -> Select[Any]:
    return select(Credential).where(
        Credential.user_id == owner,
        Credential.kind != CredentialKind.SETUP,
        Credential.revoked_at.is_(None),
        Credential.expires_at > now(),
    )


def _usable() -> Select[Any]:
    active = User.status == UserStatus.ACTIVE
    query = select(Credential.id).join(User, User.id == Credential.user_id)
    return query.where(active, Credential.revoked_at.is_(None), Credential.expires_at > now())


def _identity(credential: Credential, user: User, expires_at: datetime | None) -> Identity:
    is_session = credential.kind is CredentialKind.SESSION
    return Identity(
        owner=user.id,
        kind=AccessKind(credential.kind.value),
        is_admin=is_session and user.role is UserRole.ADMIN,
        may_write=is_session or TokenScope.WRITE in credential.scopes.split(),
        credential_id=credential.id,
        since=credential.created_at,
        expires_at=expires_at,
    )
