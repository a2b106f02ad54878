"""The wire of Redis or Valkey: PUBLISH and SUBSCRIBE. No keys are used, so nothing stays there."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.broker.wires.reconnecting import PATIENCE, ReconnectingWire


class RedisWire(ReconnectingWire):
    """Two connections: one sends, the other one receives. Topics are channels called `prefix` + topic."""

    name = "Redis"

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix
        # It would try again by itself, and subscriptions that are made meanwhile would raise.
        never = Retry(NoBackoff(), 0)
        self._client = Redis.from_url(url, retry=never, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        self._pubsub: PubSub
        self._unconfirmed: set[str] = set()
        self._confirmed = asyncio.Event()
        self._answered = asyncio.Event()

    async def close(self) -> None:
        await super().close()
        await self._client.aclose()

    async def publish(self, frames: Sequence[tuple[str, bytes]]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for topic, data in frames:
                pipeline.publish(self._prefix + topic, data)
            await pipeline.execute()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        async with self._client.pubsub() as self._pubsub:
            # Without any channel it would not wait for messages. Nothing is ever sent to this one.
            await self._pubsub.subscribe(self._prefix)
            yield

    async def _add(self, topics: Collection[str]) -> None:
        self._unconfirmed = set(topics)
        self._confirmed.clear()
        await self._pubsub.subscribe(*[self._prefix + topic for topic in topics])
        await self._confirmed.wait()

    async def _remove(self, topics: Collection[str]) -> None:
        await self._pubsub.unsubscribe(*[self._prefix + topic for topic in topics])

    async def _listen(self) -> None:
        while True:
            if message := await self._pubsub.get_message(timeout=None):
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "pong":
                self._answered.set()
            case "message":
                self._receive(self._topic(message), message["data"])
            case "subscribe":
                self._unconfirmed.discard(self._topic(message))
                if not self._unconfirmed:
                    self._confirmed.set()

    def _topic(self, message: dict[str, Any]) -> str:
        return message["channel"].decode().removeprefix(self._prefix)  # type: ignore[no-any-return]

    async def _ping(self) -> None:
        self._answered.clear()
        await self._pubsub.ping()
        await self._answered.wait()
