"""Rate of operations of each user over all processes: the same algorithm as in memory, by one script in Redis.

The counters may be lost: a user may then send more for a minute. Without Redis each process counts by itself.
"""

import logging
import time

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.access.rates import MINUTE, Rate

logger = logging.getLogger("repartee.access")

# Seconds that an operation waits for Redis, and that pass after a failure before it is asked again.
_PATIENCE = 0.5
_PAUSE = 5.0

# By the clock of Redis, in milliseconds.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local whole_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + ARGV[1]
local late = whole_at - now - ARGV[2]
if late > 0 then return math.ceil(late) end
redis.call('SET', KEYS[1], string.format('%.3f', whole_at), 'PX', math.ceil(whole_at - now))
return 0
"""


class SharedRate:
    def __init__(self, limit: int, url: str, prefix: str) -> None:
        self._alone = Rate(limit)
        self._prefix = f"{prefix}rate:"
        self._arguments = [1000 * MINUTE / limit, 1000 * MINUTE]
        self._redis = Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
        self._script = self._redis.register_script(_SCRIPT)
        self._asks_again_at = 0.0

    async def seconds_to_wait(self, user: str) -> float:
        if time.monotonic() < self._asks_again_at:
            return await self._alone.seconds_to_wait(user)
        try:
            return int(await self._script(keys=[self._prefix + user], args=self._arguments)) / 1000
        except (RedisError, OSError) as error:
            self._asks_again_at = time.monotonic() + _PAUSE
            logger.warning("Operations are counted by each process alone, as Redis does not answer: %s", error)
            return await self._alone.seconds_to_wait(user)

    async def close(self) -> None:
        await self._redis.aclose()
