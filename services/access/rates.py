"""Rate of operations of each user: the generic cell rate algorithm, with one number a user, in memory."""

import time

from services.lru_cache import LRUCache

_MINUTE = 60.0
_USERS = 100_000


class Rate:
    """Lets `limit` operations a minute pass, all at once too. Each process counts by itself."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._interval = _MINUTE / limit
        # When the allowance of each user would be whole again.
        self._whole_at: LRUCache[str, float] = LRUCache(_USERS)

    def seconds_to_wait(self, user: str) -> float:
        """Counts an operation and returns 0; or counts nothing and returns when there may be another one."""
        now = time.monotonic()
        whole_at = max(self._whole_at.get(user) or now, now) + self._interval
        if (late := whole_at - now - _MINUTE) > 0:
            return late
        self._whole_at.put(user, whole_at, 1)
        return 0.0
