"""Signing in by name and password or by a setup code, changing the password, and signing out."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Credential, CredentialKind, User, UserStatus, now
from services import checking
from services.access import passwords, secrets
from services.access.accounts import Accounts, Act, audit
from services.access.credentials import Issued, issue_session
from services.access.errors import BAD_PASSWORD, BAD_SETUP_CODE, Unauthenticated
from services.access.identity import AccessKind, Identity
from services.access.passwords import Passwords
from services.access.permissions import require_account
from services.access.throttle import Throttle, succeeded
from services.errors import Forbidden


class SignInService:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.passwords = Passwords()
        self._throttle = Throttle(accounts)

    async def by_password(self, name: str, password: str, act: Act) -> Issued:
        """Raises Unauthenticated and TooManyAttempts."""
        with self.passwords.place():
            return await self._by_password(name, password, act)

    async def _by_password(self, name: str, password: str, act: Act) -> Issued:
        folded = checking.fold(name)
        key = await self._throttle.begin(folded, act.network)
        async with self._accounts.read() as session:
            user = await session.scalar(select(User).where(User.name_folded == folded))
        id, stored = (user.id, user.password_hash) if user else (None, None)
        fits = await self.passwords.matches(password, stored)

        async def work(session: AsyncSession) -> Issued | None:
            found = await session.get(User, id) if fits else None
            if found is None or found.status is not UserStatus.ACTIVE or found.password_hash != stored:
                audit(session, act, "signIn", id, outcome="refused")
                return None
            await succeeded(session, key)
            return await issue_session(session, found, act)

        return _accepted(await self._accounts.write(work), BAD_PASSWORD)

    async def by_setup_code(self, code: str, new_password: str, act: Act) -> Issued:
        """Sets the password, and ends the sessions there were. Raises Unauthenticated and InvalidInput."""
        passwords.check(new_password, "newPassword")
        # Nobody guesses a code, so that nobody has to wait; but without one there is no work on a hash.
        query = _setup_code(code)
        async with self._accounts.read() as session:
            if await session.scalar(query) is None:
                raise Unauthenticated(BAD_SETUP_CODE)
        with self.passwords.place():
            hashed = await self.passwords.hash(new_password)

        async def work(session: AsyncSession) -> Issued | None:
            found = await session.scalar(query.with_for_update())
            user = await session.get(User, found.user_id) if found else None
            if user is None or user.status is not UserStatus.ACTIVE:
                return None
            await self._accounts.revoke(session, Credential.user_id == user.id)
            user.password_hash = hashed
            return await issue_session(session, user, act, "useSetupCode")

        return _accepted(await self._accounts.write(work), BAD_SETUP_CODE)

    async def change_password(self, caller: Identity, current: str, new_password: str, act: Act) -> None:
        """Ends the other sessions and tokens. Raises Unauthenticated, Forbidden, InvalidInput, TooManyAttempts."""
        require_account(caller)
        passwords.check(new_password, "newPassword")
        with self.passwords.place():
            key = await self._throttle.begin(caller.owner, act.network)
            async with self._accounts.read() as session:
                user = await session.get(User, caller.owner)
            if user is None or not await self.passwords.matches(current, user.password_hash):
                raise Unauthenticated(BAD_PASSWORD)
            hashed = await self.passwords.hash(new_password)

        async def work(session: AsyncSession) -> None:
            (await session.get_one(User, caller.owner)).password_hash = hashed
            await succeeded(session, key)
            others = Credential.user_id == caller.owner, Credential.id != (caller.credential_id or "")
            await self._accounts.revoke(session, *others)
            audit(session, act, "changePassword", caller.owner, caller.credential_id)

        await self._accounts.write(work)

    async def session_for(self, caller: Identity, act: Act) -> Issued:
        """Makes a session for who came with a credential from outside; it ends with that. Raises Forbidden."""
        if caller.kind is not AccessKind.JWT:
            raise Forbidden("Sign in with a name and a password.")

        async def work(session: AsyncSession) -> Issued:
            user = await session.get_one(User, caller.owner)
            return await issue_session(session, user, act, until=caller.expires_at)

        return await self._accounts.write(work)

    async def sign_out(self, caller: Identity, act: Act) -> None:
        """Ends the caller's session; a token that was meant for programs goes on."""
        if caller.kind is not AccessKind.SESSION:
            return

        async def work(session: AsyncSession) -> None:
            await self._accounts.revoke(session, Credential.id == caller.credential_id)
            audit(session, act, "signOut", caller.owner, caller.credential_id)

        await self._accounts.write(work)


def _setup_code(code: str) -> Select[Any]:
    return select(Credential).where(
        Credential.digest == secrets.digest_of_code(code),
        Credential.kind == CredentialKind.SETUP,
        Credential.revoked_at.is_(None),
        Credential.expires_at > now(),
    )


def _accepted(issued: Issued | None, problem: str) -> Issued:
    if issued is None:
        raise Unauthenticated(problem)
    return issued
