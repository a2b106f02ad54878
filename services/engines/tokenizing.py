"""Token counts by the tokenizer of the local model's server."""

import json
from collections.abc import Sequence
from hashlib import blake2b

from services.engines.connection import Connection
from services.lru_cache import LRUCache

# Counts that are kept; with its digest, each takes about 200 bytes.
_MAX_KEPT = 10_000
# A text of more bytes is longer than the context in any case.
_MAX_COUNTED_BYTES = 32_768
# English has 4.5 bytes a token. The history is read as far as it would fit with as many as this.
_MOST_BYTES_PER_TOKEN = 6
# Stands between the texts of a request. It is a token of no model.
_SEPARATOR = -1


class Tokenizer:
    """Counts the texts that it has not counted before, all in one request."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kept: LRUCache[bytes, int] = LRUCache(_MAX_KEPT)

    def least(self, text: str) -> int:
        return len(text.encode()) // _MOST_BYTES_PER_TOKEN

    async def count(self, texts: Sequence[str]) -> Sequence[int]:
        digests = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
        counts = {digest: kept for digest in digests if (kept := self._kept.get(digest)) is not None}
        new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in counts}
        if new:
            for digest, count in zip(new, await self._count(list(new.values())), strict=True):
                counts[digest] = count
                self._kept.put(digest, count, 1)
        return [counts[digest] for digest in digests]

    async def _count(self, texts: Sequence[str]) -> Sequence[int]:
        short = [text for text in texts if len(text.encode()) <= _MAX_COUNTED_BYTES]
        counted = dict(zip(short, await self._request(short), strict=True))
        return [max(counted.get(text, 0), self.least(text)) for text in texts]

    async def _request(self, texts: Sequence[str]) -> list[int]:
        content = [part for text in texts for part in (text, _SEPARATOR)]
        response = await self._connection.request("POST", "/tokenize", {"content": content})
        tokens = json.loads(await self._connection.read(response))["tokens"]
        ends = [index for index, token in enumerate(tokens) if token == _SEPARATOR]
        return [end - start - 1 for start, end in zip([-1, *ends], ends, strict=False)]
