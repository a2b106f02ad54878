"""Caches that forget what was used least recently, and what has been known for a while."""

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRUCache(Generic[K, V]):
    """Cache of weighted values that drops the least recently used ones beyond a total weight of `capacity`."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, weight: int) -> None:
        self._weight += weight - self._entries.pop(key, (value, 0))[1]
        self._entries[key] = (value, weight)
        while self._weight > self._capacity:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._weight -= dropped


class TimedCache(Generic[K, V]):
    """Cache of at most `capacity` values, each for `seconds` after it was put."""

    def __init__(self, capacity: int, seconds: float) -> None:
        self._capacity = capacity
        self._seconds = seconds
        self.clear()

    def clear(self) -> None:
        self._entries: LRUCache[K, tuple[V, float]] = LRUCache(self._capacity)

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        return entry[0] if entry and entry[1] > time.monotonic() else None

    def put(self, key: K, value: V) -> V:
        """Returns the value."""
        self._entries.put(key, (value, time.monotonic() + self._seconds), 1)
        return value
