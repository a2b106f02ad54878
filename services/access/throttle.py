"""Throttle of signing in: after some failures of a name from a network, the next attempt has to wait."""

import hashlib
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from models import Attempt, now
from services.access.accounts import Accounts
from services.access.errors import TooManyAttempts

FREE_FAILURES = 5
LONGEST = timedelta(minutes=15)


class Throttle:
    """Counts an attempt before it is looked at, so that many at once are no way around it."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def begin(self, name_folded: str, network: str) -> str:
        """Returns the key for `succeeded`. Raises TooManyAttempts."""
        key = hashlib.sha256(f"{name_folded}\0{network}".encode(errors="surrogatepass")).hexdigest()

        async def work(session: AsyncSession) -> float:
            found = await session.get(Attempt, key, with_for_update=True)
            # Not earlier: one may have waited for the row.
            moment = now()
            if found is None:
                found = Attempt(key=key, failures=0, blocked_until=moment)
                session.add(found)
            if found.failures >= FREE_FAILURES and found.blocked_until > moment:
                return (found.blocked_until - moment).total_seconds()
            found.failures += 1
            found.blocked_until = moment + _pause(found.failures)
            return 0.0

        if seconds := await self._accounts.write(work):
            raise TooManyAttempts(seconds)
        return key


async def succeeded(session: AsyncSession, key: str) -> None:
    await session.execute(delete(Attempt).where(Attempt.key == key))


def _pause(failures: int) -> timedelta:
    if failures < FREE_FAILURES:
        return timedelta()
    return min(LONGEST, timedelta(seconds=2 ** min(failures - FREE_FAILURES + 1, 20)))
