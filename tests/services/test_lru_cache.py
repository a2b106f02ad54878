"""A cache that forgets what was used least recently."""

from services.lru_cache import LRUCache, TimedCache
from tests.support.makers import until


def test_the_cache_drops_the_least_recently_used() -> None:
    cache: LRUCache[str, str] = LRUCache(10)
    for key in ("a", "b"):
        cache.put(key, key, 5)
    assert cache.get("a") == "a"
    cache.put("c", "c", 5)
    assert [cache.get(key) for key in ("a", "b", "c")] == ["a", None, "c"]
    cache.put("a", "A", 6)
    assert [cache.get(key) for key in ("a", "c")] == ["A", None]
    cache.put("d", "d", 11)
    assert [cache.get(key) for key in ("a", "d")] == [None, None]


async def test_the_timed_cache_forgets_what_has_been_known_for_a_while() -> None:
    cache: TimedCache[str, str] = TimedCache(2, seconds=0.05)
    assert cache.put("a", "A") == "A"
    assert cache.get("a") == "A"
    await until(lambda: cache.get("a") is None)
    long: TimedCache[str, str] = TimedCache(2, seconds=3600)
    for key in ("a", "b", "c"):
        long.put(key, key)
    assert [long.get(key) for key in ("a", "b", "c")] == [None, "b", "c"]
    long.clear()
    assert long.get("b") is None
