"""Dataloaders: each gathers the keys of one tick into one service call."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from models import Character, Conversation, Message, User
from services import Services
from services.chat_history import Element
from services.messages import SeenMessage, TreePosition
from services.paging import Page, PageArguments

K = TypeVar("K")
T = TypeVar("T")

_Asked = tuple[Any, ...]


# Rows that one batch reads: more of them at once, and of the objects made of them, would hold up the event loop.
BATCH_ROWS = 1000


class Loader(DataLoader[K, T]):
    """A dataloader for which cancelling one waiter does not cancel the others.

    `rows` says how many rows a key can have; batches are cut by them.
    """

    def __init__(
        self, load_fn: Callable[[list[K]], Awaitable[list[T]]], rows: Callable[[K], int] = lambda key: 1
    ) -> None:
        super().__init__(load_fn)
        self._rows = rows
        self._batch_rows = 0

    def load(self, key: K) -> Awaitable[T]:
        if self.cache_map.get(key) is None:
            self._make_room(self._rows(key))
        loading: asyncio.Future[T] = super().load(key)  # type: ignore[assignment]
        loading.add_done_callback(_note_error)
        return asyncio.shield(loading)

    def _make_room(self, rows: int) -> None:
        self._batch_rows += rows
        if self.batch is None or self.batch.dispatched or self._batch_rows > BATCH_ROWS:
            self.batch, self._batch_rows = None, rows


def _note_error(loading: "asyncio.Future[Any]") -> None:
    """Keeps asyncio from logging an error that nobody waits for any more, because another one came first."""
    if not loading.cancelled():
        loading.exception()


class Loaders:
    """The loaders of one operation, for one owner, each made when it is first used.

    A key is an id or a position, or a tuple of it and what is asked of it.
    """

    def __init__(self, services: Services, owner: str) -> None:
        self._services = services
        self._owner = owner

    @cached_property
    def characters(self) -> Loader[str, Character | None]:
        return Loader(self._owned(self._services.characters.by_ids))

    @cached_property
    def users(self) -> Loader[str, User | None]:
        return Loader(self._services.access.users.by_ids)

    @cached_property
    def tokens_today(self) -> Loader[str, int]:
        return Loader(self._owned(self._services.usage.today))

    @cached_property
    def conversations(self) -> Loader[str, Conversation | None]:
        return Loader(self._owned(self._services.conversations.by_ids))

    @cached_property
    def messages(self) -> Loader[str, SeenMessage | None]:
        return Loader(self._owned(self._services.messages.by_ids))

    @cached_property
    def conversations_of(self) -> Loader[_Asked, Page[Conversation]]:
        return Loader(_alike(self._owned(self._services.conversations.pages_of)), _page_size)

    @cached_property
    def conversation_counts_of(self) -> Loader[_Asked, int]:
        return Loader(_alike(self._owned(self._services.conversations.counts_of)))

    @cached_property
    def messages_of(self) -> Loader[_Asked, Page[Message]]:
        return Loader(_alike(self._owned(self._services.messages.path_pages)), _page_size)

    @cached_property
    def alternatives_of(self) -> Loader[_Asked, list[Message]]:
        return Loader(_alike(self._owned(self._services.messages.alternatives)), lambda key: key[-1])

    @cached_property
    def alternative_ids_of(self) -> Loader[TreePosition, list[str]]:
        return Loader(self._owned(self._services.messages.alternative_ids))

    @cached_property
    def active_replies_of(self) -> Loader[str, Message | None]:
        return Loader(self._owned(self._services.messages.active_replies))

    @cached_property
    def first_of_user_in(self) -> Loader[str, Message | None]:
        return Loader(self._owned(self._services.messages.first_of_user))

    @cached_property
    def chat_histories_of(self) -> Loader[str, list[Element]]:
        return Loader(self._owned(self._services.chat_histories.of_conversations))

    def _owned(self, load: Callable[..., Awaitable[list[T]]]) -> Callable[..., Awaitable[list[T]]]:
        return partial(load, self._owner)


def _page_size(key: _Asked) -> int:
    page: PageArguments = key[-1]
    # Two at least: SQLite joins at most 500 queries in one.
    return max(page.size + 1, 2)


def _alike(
    load: Callable[..., Awaitable[Sequence[T]]],
) -> Callable[[list[tuple[Any, ...]]], Awaitable[list[T]]]:
    """Adapts a service that reads many ids with the same arguments to keys with different ones."""

    async def load_all(keys: list[tuple[Any, ...]]) -> list[T]:
        ids_by_arguments: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
        for key in keys:
            ids_by_arguments[key[1:]].append(key[0])
        found: dict[tuple[Any, ...], Any] = {}
        for arguments, ids in ids_by_arguments.items():
            values: Sequence[Any]
            try:
                values = await load(ids, *arguments)
            except Exception as error:
                # What is wrong with the arguments of one field is no matter of the others.
                values = [error] * len(ids)
            found |= {(id, *arguments): value for id, value in zip(ids, values, strict=True)}
        return [found[key] for key in keys]

    return load_all
