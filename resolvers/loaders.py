"""Dataloaders: each gathers the keys of one tick into one service call."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from models import Character, Conversation, Message
from services import Services
from services.chat_history import Element
from services.messages import SeenMessage, TreePosition
from services.paging import Page

K = TypeVar("K")
T = TypeVar("T")

_Asked = tuple[Any, ...]


class Loader(DataLoader[K, T]):
    """A dataloader for which cancelling one waiter does not cancel the others."""

    def load(self, key: K) -> Awaitable[T]:
        return asyncio.shield(super().load(key))


class Loaders:
    """The loaders of one operation, for one owner. A key is an id, or a tuple of an id and what is asked of it."""

    def __init__(self, services: Services, owner: str) -> None:
        def owned(load: Callable[..., Awaitable[list[T]]]) -> Callable[..., Awaitable[list[T]]]:
            return partial(load, owner)

        characters, conversations, messages = services.characters, services.conversations, services.messages
        self.characters: Loader[str, Character | None] = Loader(owned(characters.by_ids))
        self.conversations: Loader[str, Conversation | None] = Loader(owned(conversations.by_ids))
        self.messages: Loader[str, SeenMessage | None] = Loader(owned(messages.by_ids))
        self.conversations_of: Loader[_Asked, Page[Conversation]] = Loader(_alike(owned(conversations.pages_of)))
        self.conversation_counts_of: Loader[_Asked, int] = Loader(_alike(owned(conversations.counts_of)))
        self.messages_of: Loader[_Asked, Page[Message]] = Loader(_alike(owned(messages.path_pages)))
        self.alternatives_of: Loader[TreePosition, list[Message]] = Loader(owned(messages.alternatives))
        self.alternative_ids_of: Loader[TreePosition, list[str]] = Loader(owned(messages.alternative_ids))
        self.active_replies_of: Loader[str, Message | None] = Loader(owned(messages.active_replies))
        self.chat_histories_of: Loader[str, list[Element]] = Loader(
            owned(services.chat_histories.of_conversations)
        )


def _alike(
    load: Callable[..., Awaitable[Sequence[T]]],
) -> Callable[[list[tuple[Any, ...]]], Awaitable[list[T]]]:
    """Adapts a service that reads many ids with the same arguments to keys with different ones."""

    async def load_all(keys: list[tuple[Any, ...]]) -> list[T]:
        ids_by_arguments: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
        for key in keys:
            ids_by_arguments[key[1:]].append(key[0])
        found: dict[tuple[Any, ...], T] = {}
        for arguments, ids in ids_by_arguments.items():
            for id, value in zip(ids, await load(ids, *arguments), strict=True):
                found[(id, *arguments)] = value
        return [found[key] for key in keys]

    return load_all
