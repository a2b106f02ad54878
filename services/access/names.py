"""Names that characters use for users: what `{{user}}` stands for."""

from sqlalchemy import select

from models import User
from services.access.accounts import Accounts
from services.access.modes import AccessMode, mode_of
from services.lru_cache import TimedCache
from services.settings import Settings

_SECONDS = 5.0
_CACHED = 10_000


class UserNames:
    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        self._default = settings.user_name
        self._has_accounts = mode_of(settings) is AccessMode.ACCOUNTS
        self._known: TimedCache[str, str] = TimedCache(_CACHED, _SECONDS)

    async def of(self, owner: str) -> str:
        if not self._has_accounts:
            return self._default
        if (known := self._known.get(owner)) is not None:
            return known
        async with self._accounts.read() as session:
            name = await session.scalar(select(User.display_name).where(User.id == owner))
        return self._known.put(owner, name or self._default)
