"""Any sequence of operations leaves one whole path, every alternative reachable, and the right history."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from models import LOCAL_OWNER, Conversation, Database, Message, everyone
from services import Services
from services.messages import TreePosition
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from tests.conftest import opened
from tests.support.makers import TestEngine, make_character

WHOLE = PageArguments(first=100)
NOW = ReplyOptions(ReplyMode.WAIT)
OPERATIONS = ["send", "send", "send", "regenerate", "regenerate", "continue", "add", "select", "select", "branch"]
OPERATIONS += ["edit", "delete", "fork", "clear", "update", "shorten", "request"]


@dataclass
class Node:
    """A message as the simple model knows it."""

    id: str
    role: str
    content: str
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)
    chosen: "Node | None" = None


class Model:
    """A tree with a pointer at every fork: the simplest thing that behaves like a conversation."""

    def __init__(self) -> None:
        self.root = Node("", "", "")

    def path(self) -> list[Node]:
        nodes, node = [], self.root.chosen
        while node is not None:
            nodes.append(node)
            node = node.chosen
        return nodes

    def all(self) -> list[Node]:
        found, todo = [], list(self.root.children)
        while todo:
            node = todo.pop()
            found.append(node)
            todo += node.children
        return sorted(found, key=lambda node: node.id)

    def add(self, parent: Node | None, id: str, role: str, content: str) -> Node:
        above = parent or self.root
        node = Node(id, role, content, above)
        above.children.append(node)
        self.choose(node)
        return node

    def choose(self, node: Node) -> None:
        while node.parent is not None:
            node.parent.chosen = node
            node = node.parent

    def remove(self, node: Node) -> None:
        assert node.parent is not None
        siblings = node.parent.children
        place = siblings.index(node)
        siblings.remove(node)
        if node.parent.chosen is node:
            node.parent.chosen = siblings[place - 1] if place else (siblings[0] if siblings else None)

    def history(self) -> list[dict[str, str]]:
        return [{"role": node.role, "content": node.content} for node in self.path()]


class Play:
    """Does each operation to the services and to the model."""

    def __init__(self, services: Services, engine: TestEngine, conversation: Conversation) -> None:
        self.services = services
        self.engine = engine
        self.id = conversation.id
        self.model = Model()
        self.count = 0

    async def do(self, operation: str, number: int) -> None:
        self.count += 1
        nodes = self.model.all()
        node = nodes[number % len(nodes)] if nodes else None
        await getattr(self, f"_{operation}")(node)

    async def _exchange(self, exchange: Any, parent: Node | None) -> None:
        if exchange.message is not None:
            parent = self.model.add(parent, exchange.message.id, "user", exchange.message.content)
        if exchange.reply is not None:
            self.model.add(parent, exchange.reply.id, "assistant", exchange.reply.content)

    def _answer(self) -> None:
        self.engine.answer(f"reply {self.count}", " 😀")

    async def _send(self, _: Node | None) -> None:
        self._answer()
        last = self.model.path()[-1] if self.model.path() else None
        sent = await self.services.replies.send(LOCAL_OWNER, self.id, f"said {self.count}", None, NOW)
        await self._exchange(sent, last)

    async def _branch(self, node: Node | None) -> None:
        if node is not None:
            self._answer()
            sent = await self.services.replies.send(LOCAL_OWNER, self.id, f"branch {self.count}", node.id, NOW)
            await self._exchange(sent, node)

    async def _request(self, _: Node | None) -> None:
        self._answer()
        last = self.model.path()[-1] if self.model.path() else None
        await self._exchange(await self.services.replies.request(LOCAL_OWNER, self.id, None, NOW), last)

    async def _regenerate(self, node: Node | None) -> None:
        if node is not None and node.role == "assistant":
            self._answer()
            again = await self.services.replies.regenerate(LOCAL_OWNER, node.id, NOW)
            await self._exchange(again, node.parent)

    async def _continue(self, _: Node | None) -> None:
        last = self.model.path()[-1] if self.model.path() else None
        if last is not None and last.role == "assistant":
            self.engine.answer(" and on")
            await self.services.replies.continue_reply(LOCAL_OWNER, last.id, NOW)
            last.content += " and on"

    async def _add(self, node: Node | None) -> None:
        if node is not None:
            if node.role == "user":
                self._answer()
            added = await self.services.replies.add_alternative(LOCAL_OWNER, node.id, f"own {self.count}", NOW)
            assert added.message is not None
            mine = self.model.add(node.parent, added.message.id, node.role, added.message.content)
            if added.reply is not None:
                self.model.add(mine, added.reply.id, "assistant", added.reply.content)

    async def _select(self, node: Node | None) -> None:
        if node is not None:
            await self.services.messages.select(LOCAL_OWNER, node.id)
            if node not in self.model.path():
                self.model.choose(node)

    async def _edit(self, node: Node | None) -> None:
        if node is not None:
            node.content = f"edited {self.count}"
            await self.services.messages.edit(LOCAL_OWNER, node.id, node.content)

    async def _delete(self, node: Node | None) -> None:
        if node is not None:
            await self.services.messages.delete(LOCAL_OWNER, node.id)
            self.model.remove(node)

    async def _fork(self, node: Node | None) -> None:
        fork = await self.services.conversations.fork(LOCAL_OWNER, self.id, node.id if node else None)
        line = []
        while node is not None and node.id:
            line.append({"role": node.role, "content": node.content})
            node = node.parent
        [history] = await self.services.chat_histories.of_conversations(LOCAL_OWNER, [fork.id])
        assert history == line[::-1]

    async def _clear(self, _: Node | None) -> None:
        if self.count % 3 == 0:
            await self.services.conversations.clear_history(LOCAL_OWNER, self.id)
            self.model = Model()

    async def _update(self, _: Node | None) -> None:
        await self._replace(len(self.model.path()) // 2, [{"role": "user", "content": f"new {self.count}"}])

    async def _shorten(self, _: Node | None) -> None:
        await self._replace(len(self.model.path()) // 2, [])

    async def _replace(self, kept: int, more: list[dict[str, str]]) -> None:
        path = self.model.path()
        history = self.model.history()[:kept] + more
        await self.services.chat_histories.replace_history(LOCAL_OWNER, self.id, history)
        last = path[kept - 1] if kept else None
        (last or self.model.root).chosen = None
        for item, message in zip(more, await self.rows(kept), strict=True):
            last = self.model.add(last, message.id, item["role"], item["content"])

    async def rows(self, start: int = 0) -> list[Message]:
        page = await self.services.messages.path_pages(LOCAL_OWNER, [self.id], WHOLE)
        return list(page[0].nodes)[start:]

    async def check(self, database: Database) -> None:
        async with database.read(everyone()) as session:
            rows = list(await session.scalars(select(Message).where(Message.conversation_id == self.id)))
            conversation = await session.get_one(Conversation, self.id)
        path = sorted((row for row in rows if row.active), key=lambda row: row.position)
        assert [row.position for row in path] == list(range(len(path)))
        assert all(below.parent_id == above.id for above, below in pairwise(path))
        assert conversation.message_count == len(path)
        above = {None, *(row.id for row in path)}
        assert all(row.active for row in rows if row.selected and row.parent_id in above)
        [history] = await self.services.chat_histories.of_conversations(LOCAL_OWNER, [self.id])
        assert history == self.model.history()
        assert sorted(row.id for row in rows) == [node.id for node in self.model.all()]
        await self._check_alternatives(rows)

    async def _check_alternatives(self, rows: list[Message]) -> None:
        found = await self.services.messages.alternatives(
            LOCAL_OWNER, [TreePosition(self.id, row.parent_id) for row in rows], len(rows)
        )
        expected = {
            node.id: [one.id for one in node.parent.children]
            for node in self.model.all()
            if node.parent is not None
        }
        assert {row.id: [one.id for one in ones] for row, ones in zip(rows, found, strict=True)} == expected


@given(st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 1000)), min_size=15, max_size=40))
# Shrinking would take minutes; the steps are printed as they were.
@hypothesis_settings(max_examples=30, deadline=None, phases=[Phase.reuse, Phase.generate])
def test_any_sequence_of_operations_keeps_the_conversation_whole(steps: list[tuple[str, int]]) -> None:
    asyncio.run(play(steps))


async def play(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, database_url=f"sqlite+aiosqlite:///{folder}/test.db")
        database, engine = Database(settings.database_url), TestEngine()
        await database.migrate()
        async with opened(settings, database, engine) as services:
            character = await make_character(services)
            conversation = await services.conversations.create(LOCAL_OWNER, character.id, {})
            table = Play(services, engine, conversation)
            for operation, number in steps:
                await table.do(operation, number)
                await table.check(database)
        await database.close()
