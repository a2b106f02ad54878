"""Dataloaders: each gathers the keys of one moment into one service call."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from models import Conversation, Message
from services import Services
from services.paging import Page

K = TypeVar("K")
T = TypeVar("T")

_Wished = tuple[Any, ...]


class Loader(DataLoader[K, T]):
    """A dataloader whose waiters do not share their fate: one that is cancelled cancels no other."""

    def load(self, key: K) -> Awaitable[T]:
        return asyncio.shield(super().load(key))


class Loaders:
    """One operation's loaders. A key is an id, or a tuple of an id and what is wanted of it."""

    def __init__(self, services: Services) -> None:
        conversations, messages = services.conversations, services.messages
        self.characters = Loader(services.characters.by_ids)
        self.conversations = Loader(conversations.by_ids)
        self.messages = Loader(messages.by_ids)
        self.conversations_of: Loader[_Wished, Page[Conversation]] = Loader(_alike(conversations.pages_of))
        self.conversation_counts_of: Loader[_Wished, int] = Loader(_alike(conversations.counts_of))
        self.messages_of: Loader[_Wished, Page[Message]] = Loader(_alike(messages.path_pages))
        self.alternatives_of = Loader(messages.alternatives)
        self.alternative_ids_of = Loader(messages.alternative_ids)
        self.active_replies_of = Loader(messages.active_replies)
        self.chat_histories_of = Loader(services.histories.chat_histories)


def _alike(
    load: Callable[..., Awaitable[Sequence[T]]],
) -> Callable[[list[tuple[Any, ...]]], Awaitable[list[T]]]:
    """Let a service that serves many ids, all with the same wishes, serve keys with different ones."""

    async def load_all(keys: list[tuple[Any, ...]]) -> list[T]:
        ids_by_wishes: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
        for key in keys:
            ids_by_wishes[key[1:]].append(key[0])
        found: dict[tuple[Any, ...], T] = {}
        for wishes, ids in ids_by_wishes.items():
            for id, value in zip(ids, await load(ids, *wishes), strict=True):
                found[(id, *wishes)] = value
        return [found[key] for key in keys]

    return load_all
