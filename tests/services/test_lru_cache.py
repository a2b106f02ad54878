"""A cache that forgets what was used least recently."""

from services.lru_cache import LRUCache


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
