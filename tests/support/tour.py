"""Every operation of the services, at least once, for one owner."""

import inspect
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models import Database
from services import Services
from services.characters import CharacterOrder
from services.conversations import ConversationOrder, Listing
from services.errors import NotFound
from services.importing.service import ImportService
from services.legacy import FORMAT
from services.messages import TreePosition
from services.paging import Page, PageArguments
from services.progress import Progress
from services.replies.options import BusyPolicy, ReplyMode, ReplyOptions
from services.search.service import Finds
from tests.support.owners import World

Call = Callable[..., Awaitable[None]]

PAGE = PageArguments(first=5)
NOUNS = ("characters", "conversations", "messages", "chat_histories", "replies", "search")


def holds_something(value: Any) -> bool:
    """Returns whether a result holds a row, or counts one."""
    if isinstance(value, Finds):
        return bool(value.found)
    if isinstance(value, Page):
        return bool(value.nodes)
    return any(map(holds_something, value)) if isinstance(value, list) else bool(value)


@dataclass
class Tour:
    """Goes through the services; `left_out` names the operations that it did not use."""

    services: Services
    database: Database
    of: World
    used: set[str] = field(default_factory=set)

    @property
    def left_out(self) -> set[str]:
        offered = {
            f"{noun}.{name}"
            for noun in NOUNS
            for name, _ in inspect.getmembers(getattr(self.services, noun), inspect.iscoroutinefunction)
            if not name.startswith("_")
        }
        return offered - self.used

    async def call(self, operation: str, *arguments: Any) -> Any:
        self.used.add(operation)
        noun, name = operation.split(".")
        return await getattr(getattr(self.services, noun), name)(self.of.owner, *arguments)

    async def read(self) -> dict[str, Any]:
        """Returns what each operation that reads gives, by its name and the number of its call."""
        results: dict[str, Any] = {}

        async def call(operation: str, *arguments: Any) -> None:
            name = f"{operation} {len(results)}"
            try:
                results[name] = await self.call(operation, *arguments)
            except NotFound:
                results[name] = None

        await self._read_nouns(call)
        await self._read_messages(call)
        return results

    async def _read_nouns(self, call: Call) -> None:
        of = self.of
        await call("characters.by_ids", [of.character])
        for search in (None, "new"):
            await call("characters.page", CharacterOrder.NAME_ASC, search, PAGE)
            await call("characters.count", search)
            listing = Listing(ConversationOrder.TITLE_ASC, search)
            for character in (None, of.character):
                await call("conversations.page", listing, PAGE, character)
                await call("conversations.count", listing, character)
            await call("conversations.pages_of", [of.character], listing, PAGE)
            await call("conversations.counts_of", [of.character], listing)
        await call("conversations.by_ids", [of.quiet, of.busy])
        await call("chat_histories.of_conversations", [of.quiet, of.busy])

    async def _read_messages(self, call: Call) -> None:
        of = self.of
        await call("messages.by_ids", [of.question, of.running])
        await call("messages.active_replies", [of.quiet, of.busy])
        await call("messages.path_pages", [of.quiet, of.busy], PAGE)
        await call("messages.path_page", of.quiet, PAGE)
        await call("messages.tree_page", of.quiet, PAGE)
        await call("messages.tree_size", of.quiet)
        await call("messages.page_around", of.quiet, of.question, 5, False)
        await call("messages.page_around", of.quiet, of.question, 5, True)
        await call("messages.first_of_user", [of.quiet])
        places = [TreePosition(of.quiet, of.question), TreePosition(of.busy, None)]
        await call("messages.alternatives", places, 20)
        await call("messages.alternative_ids", places)
        for query in (of.word, of.word[:2]):
            for scope in ((None, None), (of.character, None), (None, of.quiet), (of.character, of.quiet)):
                await call("search.messages", query, *scope, PAGE)

    async def watch(self) -> None:
        await anext(await self.services.changes.watch(self.of.owner, self.of.quiet))
        await anext(await self.services.streams.watch(self.of.owner, self.of.busy))

    async def write(self) -> None:
        of, call = self.of, self.call
        await call("characters.update", of.character, {"name": "Eve"})
        await call("conversations.update", of.quiet, {"topic": "Tea"})
        await call("messages.select", of.alternative)
        await call("messages.edit", of.question, "Is it late?")
        await call("conversations.fork", of.quiet, None, None, "key")
        await call("conversations.fork", of.quiet, of.answer)
        history = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
        imported = await call("chat_histories.import_history", of.character, history, "T", "key")
        await call("chat_histories.replace_history", imported.id, history[:1])
        keyed = ReplyOptions(idempotency_key="key")
        sent = await call("replies.send", of.quiet, "Again?", of.question, keyed)
        await call("replies.continue_reply", sent.reply.id, keyed)
        await call("replies.regenerate", sent.reply.id, keyed)
        await call("replies.add_alternative", of.question, "Is it early?", keyed)
        await call("replies.request", of.quiet, of.question, keyed)
        await call("replies.send", of.busy, "Stop.", None, ReplyOptions(ReplyMode.NONE, BusyPolicy.STOP))
        await call("replies.stop", of.busy, of.running)
        await call("messages.delete", of.question)
        await call("conversations.clear_history", of.quiet)
        await call("conversations.delete", of.quiet)
        other = await call("characters.create", {"name": "Bo"}, "key")
        await call("conversations.create", other.id, {}, True, "key")
        await call("characters.delete", other.id)

    async def import_and_export(self, folder: Path) -> None:
        path = folder / "old.json"
        path.write_text(json.dumps({"name": "Old", "chat_history": [{"role": "user", "content": "Hi"}]}))
        imports = ImportService(self.database, self.of.owner, FORMAT, Progress(io.StringIO()))
        for _ in range(2):
            await imports.run([path])
        await imports.rehearse([path])
        await FORMAT.export(self.database, self.of.owner, folder / "out", None)
