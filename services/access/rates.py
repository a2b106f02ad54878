"""Rate of operations of each user: the generic cell rate algorithm, with one number a user, in memory."""

import time
from typing import Protocol

from services.lru_cache import LRUCache
from services.settings import Settings

MINUTE = 60.0
_USERS = 100_000


class Rates(Protocol):
    async def seconds_to_wait(self, user: str) -> float: ...
    async def close(self) -> None: ...


def choose_rate(settings: Settings) -> Rates:
    """Returns a rate that all processes share where they have a broker for it."""
    if settings.broker_url is None:
        return Rate(settings.operations_a_minute)
    # Its package is there only where it is needed.
    from services.access.shared_rates import SharedRate

    url = settings.broker_url.get_secret_value()
    return SharedRate(settings.operations_a_minute, url, settings.broker_prefix)


class Rate:
    """Lets `limit` operations a minute pass, all at once too. Each process counts by itself."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._interval = MINUTE / limit
        # When the allowance of each user would be whole again.
        self._whole_at: LRUCache[str, float] = LRUCache(_USERS)

    async def seconds_to_wait(self, user: str) -> float:
        """Counts an operation and returns 0; or counts nothing and returns when there may be another one."""
        now = time.monotonic()
        whole_at = max(self._whole_at.get(user) or now, now) + self._interval
        if (late := whole_at - now - MINUTE) > 0:
            return late
        self._whole_at.put(user, whole_at, 1)
        return 0.0

    async def close(self) -> None:
        pass
