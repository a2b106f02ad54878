"""Names that characters use for users: what `{{user}}` stands for."""

import asyncio

from sqlalchemy import select

from models import User
from services.access.accounts import Accounts
from services.access.modes import AccessMode, mode_of
from services.lru_cache import LRUCache
from services.settings import Settings

_SECONDS = 5.0
_CACHED = 10_000


class UserNames:
    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        self._default = settings.user_name
        self._has_accounts = mode_of(settings) is AccessMode.ACCOUNTS
        self._known: LRUCache[str, tuple[str, float]] = LRUCache(_CACHED)

    async def of(self, owner: str) -> str:
        if not self._has_accounts:
            return self._default
        time = asyncio.get_running_loop().time()
        known = self._known.get(owner)
        if known is None or known[1] < time:
            async with self._accounts.read() as session:
                name = await session.scalar(select(User.display_name).where(User.id == owner))
            known = name or self._default, time + _SECONDS
            self._known.put(owner, known, 1)
        return known[0]
