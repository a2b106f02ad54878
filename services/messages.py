"""Messages: pages of a path, single ones and alternatives, and selecting, editing and deleting them.

A reply that is being written is read with its text as it is now.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import UNFINISHED, Conversation, Database, Message, Role, Run, Status, now
from services import checking, tree
from services.broker import Broker
from services.errors import NotFound
from services.locking import count_change, lock_message
from services.paging import Order, Page, PageArguments
from services.runs import refuse_when_busy
from services.search import texts

# The last page of a conversation is what people look at.
LAST_PAGE = PageArguments(last=50)

PATH = Order("path", (Message.position,))
TREE = Order("tree", (Message.position, Message.id))


class TreePosition(NamedTuple):
    """Where siblings are: below a message, or at the root of a conversation."""

    conversation_id: str
    parent_id: str | None


class SeenMessage(NamedTuple):
    """A message, and its conversation's history version in the same state of the database."""

    message: Message
    history_version: int


def with_live_text(broker: Broker, message: Message) -> Message:
    """Returns the message; one that is being written as a copy with the text it has now.

    The row is up to a checkpoint behind that text.
    """
    text = live_text(broker, message.conversation_id, message)
    return message if text == message.content else message.shown_as(text, Status.STREAMING)


def live_text(broker: Broker, conversation_id: str, row: Any) -> str:
    """Returns the present text of a row with `id`, `status` and `content`."""
    live = broker.live(conversation_id) if row.status in UNFINISHED else None
    if live is None or live.message_id != row.id or not len(live):
        return row.content  # type: ignore[no-any-return]
    return live.part(0, len(live))


class MessageService:
    def __init__(self, database: Database, broker: Broker, max_message_length: int) -> None:
        self._database = database
        self._broker = broker
        self._max_message_length = max_message_length

    async def select(self, owner: str, message_id: str) -> tuple[Message, Conversation]:
        """Leads the active path through the message; below it, through the messages that were selected last."""

        async def work(session: AsyncSession) -> tuple[Message, Conversation]:
            message, conversation = await lock_message(session, message_id)
            await refuse_when_busy(session, conversation)
            if not message.active:
                await tree.activate(session, conversation, message)
                count_change(conversation)
                self._broker.changed(session, conversation.id)
            return message, conversation

        return await self._database.write(owner, work)

    async def edit(
        self, owner: str, message_id: str, content: str, expected_history_version: int | None = None
    ) -> tuple[Message, Conversation]:
        """Changes the text in place; the messages below stay."""
        checking.text(content, "content", limit=self._max_message_length)

        async def work(session: AsyncSession) -> tuple[Message, Conversation]:
            message, conversation = await lock_message(session, message_id, expected_history_version)
            if message.status in UNFINISHED:
                await refuse_when_busy(session, conversation)
            if message.content != content:
                message.content = content
                message.edited_at = message.updated_at = now()
                message.edited_version = count_change(conversation)
                await texts.keep(session, message)
                self._broker.changed(session, conversation.id)
            return message, conversation

        return await self._database.write(owner, work)

    async def delete(
        self, owner: str, message_id: str, expected_history_version: int | None = None
    ) -> tuple[list[str], Conversation]:
        """Deletes the message with everything below it, a running reply too. Returns the ids of all deleted."""

        async def work(session: AsyncSession) -> tuple[list[str], Conversation]:
            message, conversation = await lock_message(session, message_id, expected_history_version)
            gone = await tree.remove(session, conversation, message)
            count_change(conversation)
            self._broker.changed(session, conversation.id)
            return gone, conversation

        return await self._database.write(owner, work)

    async def by_ids(self, owner: str, ids: Sequence[str]) -> list[SeenMessage | None]:
        query = select(Message, Conversation.history_version).join(
            Conversation, Conversation.id == Message.conversation_id
        )
        async with self._database.read(owner) as session:
            found = await session.execute(query.where(Message.id.in_(ids)))
            by_id = {row[0].id: SeenMessage(with_live_text(self._broker, row[0]), row[1]) for row in found}
        return [by_id.get(id) for id in ids]

    async def active_replies(self, owner: str, conversation_ids: Sequence[str]) -> list[Message | None]:
        """Returns the reply that is being written in each conversation."""
        query = select(Message).join(Run, Run.message_id == Message.id)
        query = query.where(Run.conversation_id.in_(conversation_ids), Run.ended.is_(None))
        grouped = await self._grouped(owner, query)
        return [next(iter(grouped[id]), None) for id in conversation_ids]

    async def first_of_user(self, owner: str, conversation_ids: Sequence[str]) -> list[Message | None]:
        """Returns what the user said first on each conversation's active path."""
        said = aliased(Message)
        first = select(said.id).where(said.conversation_id == Conversation.id, said.active, said.role == Role.USER)
        first = first.order_by(said.position).limit(1)
        query = select(Message).join(Conversation, Message.id == first.scalar_subquery())
        grouped = await self._grouped(owner, query.where(Conversation.id.in_(conversation_ids)))
        return [next(iter(grouped[id]), None) for id in conversation_ids]

    async def path_pages(
        self, owner: str, conversation_ids: Sequence[str], page: PageArguments
    ) -> list[Page[Message]]:
        """Returns the same page, without a cursor, of each conversation's active path: one statement for all."""
        from_end = Conversation.message_count - page.size - 1
        within = Message.position >= from_end if page.backward else Message.position <= page.size
        query = (
            select(Message)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(Conversation.id.in_(conversation_ids), Message.active, within)
            .order_by(Message.conversation_id, *PATH.sorting(page.backward))
        )
        rows = await self._grouped(owner, query)
        return [PATH.below(id).page_of(rows[id], page) for id in conversation_ids]

    async def path_page(self, owner: str, conversation_id: str, page: PageArguments) -> Page[Message]:
        query = select(Message).where(Message.conversation_id == conversation_id, Message.active)
        return await self._page(owner, PATH.below(conversation_id), query, page)

    async def tree_page(self, owner: str, conversation_id: str, page: PageArguments) -> Page[Message]:
        """Returns a page of all messages, inactive ones too, by position, then age."""
        query = select(Message).where(Message.conversation_id == conversation_id)
        return await self._page(owner, TREE.below(conversation_id), query, page)

    async def page_around(
        self, owner: str, conversation_id: str, message_id: str, size: int, whole_tree: bool
    ) -> Page[Message]:
        """Returns the page of the path, or of the tree, that has the message in its middle.

        A message outside the path has the place of its position there. Raises NotFound.
        """
        order = (TREE if whole_tree else PATH).below(conversation_id)
        query = select(Message).where(Message.conversation_id == conversation_id)
        async with self._database.snapshot(owner) as session:
            message = await require_message_in(session, conversation_id, message_id, "around")
            shown = query if whole_tree else query.where(Message.active)
            page = await order.page_around(session, shown, message, size)
        return page.with_nodes(self._live(page.nodes))

    async def alternatives(self, owner: str, positions: Sequence[TreePosition], first: int) -> list[list[Message]]:
        """Returns the first messages at each position, oldest first."""
        place = func.row_number().over(
            partition_by=(Message.conversation_id, Message.parent_id), order_by=Message.id
        )
        placed = select(Message.id, place.label("place")).where(_at(positions)).subquery()
        shown = Message.id.in_(select(placed.c.id).where(placed.c.place <= first))
        grouped = defaultdict(list)
        async with self._database.read(owner) as session:
            for row in await session.scalars(select(Message).where(shown).order_by(Message.id)):
                position = TreePosition(row.conversation_id, row.parent_id)
                grouped[position].append(with_live_text(self._broker, row))
        return [grouped[position] for position in positions]

    async def alternative_ids(self, owner: str, positions: Sequence[TreePosition]) -> list[list[str]]:
        """Returns the ids of the messages at each position, oldest first."""
        columns = select(Message.conversation_id, Message.parent_id, Message.id).where(_at(positions))
        grouped = defaultdict(list)
        async with self._database.read(owner) as session:
            for conversation_id, parent_id, id in await session.execute(columns.order_by(Message.id)):
                grouped[TreePosition(conversation_id, parent_id)].append(id)
        return [grouped[position] for position in positions]

    async def tree_size(self, owner: str, conversation_id: str) -> int:
        query = select(func.count(Message.id)).where(Message.conversation_id == conversation_id)
        async with self._database.read(owner) as session:
            return await session.scalar(query) or 0

    async def _page(self, owner: str, order: Order, query: Select[Any], arguments: PageArguments) -> Page[Message]:
        async with self._database.read(owner) as session:
            page = await order.page(session, query, arguments)
        return page.with_nodes(self._live(page.nodes))

    async def _grouped(self, owner: str, query: Select[Any]) -> defaultdict[str, list[Message]]:
        grouped = defaultdict(list)
        async with self._database.read(owner) as session:
            for row in self._live(await session.scalars(query)):
                grouped[row.conversation_id].append(row)
        return grouped

    def _live(self, rows: Iterable[Message]) -> list[Message]:
        return [with_live_text(self._broker, row) for row in rows]


async def require_message_in(session: AsyncSession, conversation_id: str, message_id: str, field: str) -> Message:
    """Returns a message of the conversation. Raises NotFound with `field` as its path."""
    message = await session.get(Message, message_id)
    if message is None or message.conversation_id != conversation_id:
        raise NotFound("message of this conversation", message_id, [field])
    return message


def _at(positions: Sequence[TreePosition]) -> ColumnElement[bool]:
    parents = {position.parent_id for position in positions if position.parent_id is not None}
    roots = {position.conversation_id for position in positions if position.parent_id is None}
    at_root = and_(Message.conversation_id.in_(roots), Message.position == 0)
    return or_(Message.parent_id.in_(parents), at_root)
