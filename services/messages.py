"""Reading messages: pages of a path, single ones, alternatives; with the text of a running reply as it is now."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Select, and_, func, inspect, or_, select

from models import UNFINISHED, Conversation, Database, Message, Run, Status
from services.broker import Broker
from services.errors import NotFound
from services.events import AsOf
from services.paging import Key, Order, Page, PageWish

# The last page of a conversation is what people look at.
LAST_PAGE = PageWish(last=50)

_PATH = Order("path", (Key(Message.position),))
_TREE = Order("tree", (Key(Message.position), Key(Message.id)))

Place = tuple[str, str | None]


def as_now(broker: Broker, message: Message) -> Message:
    """Give a reply that is being written the text it has now; the row lags up to a checkpoint behind."""
    live = broker.live(message.conversation_id) if message.status in UNFINISHED else None
    if live is not None and live.message_id == message.id and len(live):
        message.content, message.status = live.part(0, len(live)), Status.STREAMING
    return message


def as_of(message: Message, then: AsOf) -> Message:
    """Return a copy of the message as it stood at an event; the row may have gone on since."""
    names = (column.key for column in inspect(Message).column_attrs)
    copy = Message(**{name: getattr(message, name) for name in names})
    copy.content, copy.status = then.content, then.status or message.status
    if copy.status in UNFINISHED:
        copy.finish_reason = copy.failure = None
    return copy


class MessageService:
    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker

    async def by_ids(self, ids: Sequence[str]) -> list[Message | None]:
        async with self._database.read() as session:
            found = await session.scalars(select(Message).where(Message.id.in_(ids)))
            by_id = {message.id: as_now(self._broker, message) for message in found}
        return [by_id.get(id) for id in ids]

    async def active_replies(self, conversation_ids: Sequence[str]) -> list[Message | None]:
        """Return the reply being written in each conversation."""
        async with self._database.read() as session:
            found = await session.scalars(
                select(Message)
                .join(Run, Run.message_id == Message.id)
                .where(Run.conversation_id.in_(conversation_ids), Run.ended.is_(None))
            )
            by_conversation = {message.conversation_id: as_now(self._broker, message) for message in found}
        return [by_conversation.get(id) for id in conversation_ids]

    async def path_pages(self, conversation_ids: Sequence[str], page: PageWish) -> list[Page[Message]]:
        """Return the same page, which has no cursor, of each conversation's active path: one statement for all."""
        conversation = Conversation
        from_end = conversation.message_count - page.size - 1
        within = Message.position >= from_end if page.backward else Message.position <= page.size
        query = (
            select(Message)
            .join(conversation, conversation.id == Message.conversation_id)
            .where(conversation.id.in_(conversation_ids), Message.active, within)
            .order_by(Message.conversation_id, *_PATH.columns(page.backward))
        )
        async with self._database.read() as session:
            rows = self._grouped(await session.scalars(query))
        return [_PATH.of(id).cut(rows[id], page) for id in conversation_ids]

    async def path_page(self, conversation_id: str, page: PageWish) -> Page[Message]:
        query = select(Message).where(Message.conversation_id == conversation_id, Message.active)
        return await self._page(_PATH.of(conversation_id), query, page)

    async def tree_page(self, conversation_id: str, page: PageWish) -> Page[Message]:
        """Return a page of all messages, inactive ones too, by position, then age."""
        query = select(Message).where(Message.conversation_id == conversation_id)
        return await self._page(_TREE.of(conversation_id), query, page)

    async def before(self, conversation_id: str, message_id: str, last: int) -> list[Message]:
        """Return the last messages of the active path before the given one. Raises NotFound."""
        async with self._database.read() as session:
            bound = await session.get(Message, message_id)
            if bound is None or bound.conversation_id != conversation_id:
                raise NotFound("message of this conversation", message_id, "before_id")
            start = max(bound.position - last, 0)
            rows = await session.scalars(
                select(Message)
                .where(Message.conversation_id == conversation_id, Message.active)
                .where(Message.position >= start, Message.position < bound.position)
                .order_by(Message.position)
            )
            return [as_now(self._broker, row) for row in rows]

    async def alternatives(self, places: Sequence[Place]) -> list[list[Message]]:
        """Return the messages at each place (conversation id, parent id or None), oldest first."""
        grouped = defaultdict(list)
        async with self._database.read() as session:
            for row in await session.scalars(select(Message).where(_at(places)).order_by(Message.id)):
                grouped[(row.conversation_id, row.parent_id)].append(as_now(self._broker, row))
        return [grouped[place] for place in places]

    async def alternative_ids(self, places: Sequence[Place]) -> list[list[str]]:
        """Return the ids of the messages at each place, oldest first."""
        columns = select(Message.conversation_id, Message.parent_id, Message.id).where(_at(places))
        grouped = defaultdict(list)
        async with self._database.read() as session:
            for conversation_id, parent_id, id in await session.execute(columns.order_by(Message.id)):
                grouped[(conversation_id, parent_id)].append(id)
        return [grouped[place] for place in places]

    async def tree_size(self, conversation_id: str) -> int:
        query = select(func.count()).where(Message.conversation_id == conversation_id)
        async with self._database.read() as session:
            return await session.scalar(query) or 0

    async def _page(self, order: Order, query: Select[Message], page: PageWish) -> Page[Message]:
        async with self._database.read() as session:
            found = await order.page(session, query, page)
        for message in found.nodes:
            as_now(self._broker, message)
        return found

    def _grouped(self, rows: Iterable[Message]) -> defaultdict[str, list[Message]]:
        grouped = defaultdict(list)
        for row in rows:
            grouped[row.conversation_id].append(as_now(self._broker, row))
        return grouped


def _at(places: Sequence[Place]) -> ColumnElement[bool]:
    parents = {parent for _, parent in places if parent is not None}
    roots = {conversation for conversation, parent in places if parent is None}
    at_root = and_(Message.conversation_id.in_(roots), Message.position == 0)
    return or_(Message.parent_id.in_(parents), at_root)
