"""Answers who a caller is, by the credential that came with a request. Holds the parts of access together."""

import asyncio
import logging

from models import CredentialKind, Database
from services.access.accounts import Accounts
from services.access.audits import AuditService
from services.access.credentials import CredentialService
from services.access.errors import BAD_CREDENTIAL, Unauthenticated
from services.access.grants import Grants
from services.access.identity import LOCAL, Identity
from services.access.modes import AccessMode, check, mode_of
from services.access.outsiders import Outsiders
from services.access.rates import choose_rate
from services.access.sign_in import SignInService
from services.access.start_token import StartToken
from services.access.users import UserService
from services.repeating import repeat
from services.settings import Settings

logger = logging.getLogger("repartee.access")

# Seconds between two looks at whether what is open still may be; with the cache's, less than five pass.
CHECK_SECONDS = 3.0
EXPIRY_SECONDS = 3600.0
_COMPLAINT = "Looking after credentials failed; it is tried again."

_SESSIONS_AND_TOKENS = (CredentialKind.SESSION, CredentialKind.TOKEN)


class AccessService:
    """`everybody` is who all callers are, where the server is open."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.mode = mode_of(settings)
        check(self.mode, settings)
        self.everybody = LOCAL if self.mode is AccessMode.OPEN else None
        self.start_token = StartToken(settings) if self.mode is AccessMode.TOKEN else None
        has_accounts = self.mode is AccessMode.ACCOUNTS
        self.rate = choose_rate(settings) if has_accounts else None
        self.grants = Grants()
        self.accounts = Accounts(database, self.grants)
        self.credentials = CredentialService(self.accounts)
        self.users = UserService(self.accounts)
        self.sign_in = SignInService(self.accounts)
        self.audits = AuditService(self.accounts)
        self.outsiders = Outsiders(self.accounts, settings)
        self._tasks: list[asyncio.Task[None]] = []

    async def by_token(self, token: str) -> Identity:
        """Raises Unauthenticated."""
        if self.start_token:
            return _known(self.start_token.identity(token))
        if token.count(".") == 2:
            return await self.outsiders.by_jwt(token)
        return await self.credentials.identify(token, _SESSIONS_AND_TOKENS)

    async def by_cookie(self, cookie: str) -> Identity:
        """Raises Unauthenticated."""
        if self.start_token:
            return _known(self.start_token.identity_by_cookie(cookie))
        return await self.credentials.identify(cookie, (CredentialKind.SESSION,))

    async def by_proxy(self, name: str) -> Identity:
        """Takes the word of a proxy that is trusted. Raises Unauthenticated."""
        return await self.outsiders.by_proxy(name)

    async def open(self) -> None:
        if self.mode is not AccessMode.ACCOUNTS:
            return
        await self.accounts.open()
        if not await self.accounts.has_admin():
            logger.warning("This server has no admin yet: `app.py user add NAME --admin` makes one.")
        for work, seconds in (
            (self.credentials.end_invalid, CHECK_SECONDS),
            (self.accounts.expire, EXPIRY_SECONDS),
        ):
            repeating = repeat(work, seconds, logger, _COMPLAINT)
            self._tasks.append(asyncio.create_task(repeating, name="access"))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.rate:
            await self.rate.close()


def _known(identity: Identity | None) -> Identity:
    if identity is None:
        raise Unauthenticated(BAD_CREDENTIAL)
    return identity
