"""Conversations: opening, changing, finding, clearing, forking and deleting them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from models import UNFINISHED, Character, Conversation, Database, Message, Status, TitleSource, new_key, now
from services import runs, tree
from services.access.names import UserNames
from services.broker import Broker
from services.characters import require_character
from services.errors import NotFound, VersionConflict
from services.idempotency import KeyedRequest
from services.locking import count_change, lock_conversation, mark_active
from services.messages import live_text, require_message_in
from services.opening import add_conversation, apply_fields, count_conversations, entitle, greet
from services.paging import Order, Page, PageArguments, directed, searching

Fields = Mapping[str, Any]

# What a fork reads of a message, and copies after the first two, which place the message.
_COPIED = (
    Message.conversation_id,
    Message.position,
    Message.id,
    Message.role,
    Message.speaker_id,
    Message.content,
    Message.hidden,
    Message.status,
    Message.finish_reason,
    Message.failure,
    Message.model,
    Message.usage,
    Message.extra,
    Message.edited_at,
    Message.created_at,
)


class ConversationOrder(StrEnum):
    ACTIVE_DESC = "ACTIVE_DESC"
    ACTIVE_ASC = "ACTIVE_ASC"
    UPDATED_DESC = "UPDATED_DESC"
    UPDATED_ASC = "UPDATED_ASC"
    CREATED_DESC = "CREATED_DESC"
    CREATED_ASC = "CREATED_ASC"
    TITLE_ASC = "TITLE_ASC"
    TITLE_DESC = "TITLE_DESC"


_COLUMNS = {
    "ACTIVE": Conversation.active_at,
    "UPDATED": Conversation.updated_at,
    "CREATED": Conversation.created_at,
    "TITLE": Conversation.title_folded,
}
ORDERS = directed(ConversationOrder, "conversations", _COLUMNS, Conversation.id)


@dataclass(frozen=True)
class Listing:
    """Which conversations, in which order."""

    order: ConversationOrder = ConversationOrder.ACTIVE_DESC
    search: str | None = None

    def keyset(self, character_id: str | None = None) -> Order:
        return ORDERS[self.order].of(self.order, self.search).below(character_id)

    def conditions(self) -> list[ColumnElement[bool]]:
        return searching(Conversation.title_folded, self.search)


class ConversationService:
    def __init__(self, database: Database, broker: Broker, names: UserNames) -> None:
        self._database = database
        self._broker = broker
        self._names = names

    async def create(
        self,
        owner: str,
        character_id: str,
        fields: Fields,
        include_greeting: bool = True,
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Opens a conversation; the character sends its greeting if it has one."""
        request = KeyedRequest("createConversation", idempotency_key, fields, include_greeting)
        user_name = await self._names.of(owner)

        async def work(session: AsyncSession) -> Conversation:
            character = await require_character(session, character_id)
            if known := await request.done_before(session, character.id):
                return await require_conversation(session, known["conversation_id"], path=())
            conversation = await add_conversation(session, character, fields)
            if include_greeting and await greet(session, conversation, character, user_name):
                await mark_active(session, conversation)
            request.remember(session, {"conversation_id": conversation.id}, character.id)
            self._broker.list_changed(session)
            return conversation

        return await self._database.write(owner, work)

    async def update(
        self, owner: str, conversation_id: str, fields: Fields, expected_version: int | None = None
    ) -> Conversation:
        """Changes what is in `fields`; None clears, and gives the title its default back."""

        async def work(session: AsyncSession) -> Conversation:
            conversation = await lock_conversation(session, conversation_id)
            if expected_version not in (None, conversation.version):
                raise VersionConflict(conversation)
            apply_fields(conversation, fields)
            if session.is_modified(conversation):
                conversation.version += 1
                conversation.updated_at = now()
                self._broker.changed(session, conversation.id)
            return conversation

        return await self._database.write(owner, work)

    async def delete(self, owner: str, conversation_id: str) -> Character:
        """Deletes the conversation with its messages. Returns the character it was with."""

        async def work(session: AsyncSession) -> Character:
            conversation = await lock_conversation(session, conversation_id)
            await session.execute(delete(Conversation).where(Conversation.id == conversation.id))
            await count_conversations(session, conversation.character_id, -1)
            self._broker.changed(session, conversation.id)
            return await session.get_one(Character, conversation.character_id)

        return await self._database.write(owner, work)

    async def clear_history(
        self,
        owner: str,
        conversation_id: str,
        include_greeting: bool = True,
        expected_history_version: int | None = None,
    ) -> tuple[Conversation, int]:
        """Deletes every message, alternatives too, then sends the greeting again. Returns how many it deleted."""
        user_name = await self._names.of(owner)

        async def work(session: AsyncSession) -> tuple[Conversation, int]:
            conversation = await lock_conversation(session, conversation_id, expected_history_version)
            of_conversation = Message.conversation_id == conversation.id
            count = await session.scalar(select(func.count(Message.id)).where(of_conversation)) or 0
            await session.execute(delete(Message).where(of_conversation))
            conversation.message_count = 0
            character = await session.get_one(Character, conversation.character_id)
            greeted = include_greeting and await greet(session, conversation, character, user_name)
            count_change(conversation)
            if greeted:
                await mark_active(session, conversation)
            self._broker.changed(session, conversation.id)
            return conversation, count

        return await self._database.write(owner, work)

    async def fork(
        self,
        owner: str,
        conversation_id: str,
        up_to_message_id: str | None = None,
        title: str | None = None,
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Copies the active path, or the line to the message, into a conversation of its own."""
        request = KeyedRequest("forkConversation", idempotency_key, up_to_message_id, title)

        async def work(session: AsyncSession) -> Conversation:
            source = await lock_conversation(session, conversation_id)
            if known := await request.done_before(session, source.id):
                return await require_conversation(session, known["conversation_id"], path=())
            fork = await self._fork(session, source, up_to_message_id, title)
            request.remember(session, {"conversation_id": fork.id}, source.id)
            self._broker.list_changed(session)
            return fork

        return await self._database.write(owner, work)

    async def _fork(
        self, session: AsyncSession, source: Conversation, up_to_message_id: str | None, title: str | None
    ) -> Conversation:
        line = await _line(session, source, up_to_message_id)
        fork = await add_conversation(session, await session.get_one(Character, source.character_id))
        fork.title, fork.title_folded, fork.title_source = source.title, source.title_folded, source.title_source
        fork.topic, fork.context, fork.generation = source.topic, source.context, source.generation
        fork.forked_from_id = line[-1].id if line else None
        if title is not None:
            entitle(fork, title, TitleSource.USER)
        await tree.append_all(session, fork, None, [self._copied(source.id, row) for row in line])
        return fork

    def _copied(self, source_id: str, row: Row[Any]) -> dict[str, Any]:
        """Returns the columns of a message's copy; a reply that is being written ends in it as it is now."""
        copy = {column.key: getattr(row, column.key) for column in _COPIED[2:]}
        copy |= {"id": new_key("msg"), "content": live_text(self._broker, source_id, row)}
        if row.status in UNFINISHED:
            copy |= {"status": Status.INTERRUPTED, "failure": runs.INTERRUPTED.failure}
        return copy

    async def by_ids(self, owner: str, ids: Sequence[str]) -> list[Conversation | None]:
        async with self._database.read(owner) as session:
            found = await session.scalars(select(Conversation).where(Conversation.id.in_(ids)))
            by_id = {conversation.id: conversation for conversation in found}
        return [by_id.get(id) for id in ids]

    async def page(
        self, owner: str, listing: Listing, page: PageArguments, character_id: str | None = None
    ) -> Page[Conversation]:
        query = select(Conversation).where(*_matching(listing, character_id))
        async with self._database.read(owner) as session:
            return await listing.keyset(character_id).page(session, query, page)

    async def count(self, owner: str, listing: Listing, character_id: str | None = None) -> int:
        """Without a search nothing is counted: characters keep the numbers."""
        kept = select(func.sum(Character.conversation_count))
        if character_id is not None:
            kept = kept.where(Character.id == character_id)
        found = select(func.count(Conversation.id)).where(*_matching(listing, character_id))
        async with self._database.read(owner) as session:
            return int(await session.scalar(found if listing.search else kept) or 0)

    async def pages_of(
        self, owner: str, character_ids: Sequence[str], listing: Listing, page: PageArguments
    ) -> list[Page[Conversation]]:
        """Returns the same page, which has no cursor, of each character's conversations: one statement for all."""
        sorting = listing.keyset().sorting(page.backward)
        walks = [
            select(Conversation.id)
            .where(*_matching(listing, id))
            .order_by(*sorting)
            .limit(page.size + 1)
            .subquery()
            for id in character_ids
        ]
        ids = union_all(*(select(walk.c.id) for walk in walks))
        # Sorted here: to have the order from an index, SQLite would walk all conversations of the owner.
        query = select(Conversation).where(Conversation.id.in_(ids))
        grouped = defaultdict(list)
        async with self._database.read(owner) as session:
            for conversation in listing.keyset().sort(await session.scalars(query), page.backward):
                grouped[conversation.character_id].append(conversation)
        return [listing.keyset(id).page_of(grouped[id], page) for id in character_ids]

    async def counts_of(self, owner: str, character_ids: Sequence[str], listing: Listing) -> list[int]:
        """Returns how many conversations of each character the listing has."""
        kept = select(Character.id, Character.conversation_count).where(Character.id.in_(character_ids))
        found = (
            select(Conversation.character_id, func.count(Conversation.id))
            .where(Conversation.character_id.in_(character_ids), *listing.conditions())
            .group_by(Conversation.character_id)
        )
        async with self._database.read(owner) as session:
            counts = {row[0]: row[1] for row in await session.execute(found if listing.search else kept)}
        return [counts.get(id, 0) for id in character_ids]


async def require_conversation(
    session: AsyncSession, conversation_id: str, path: Sequence[str] | None = None
) -> Conversation:
    """Returns a conversation to be read. Raises NotFound; see require_character for `path`."""
    conversation = await session.get(Conversation, conversation_id)
    if conversation is None:
        raise NotFound("conversation", conversation_id, path)
    return conversation


async def _line(session: AsyncSession, source: Conversation, message_id: str | None) -> list[Row[Any]]:
    """Returns _COPIED of the messages from the root to the one named, or to the end of the active path."""
    if message_id is None:
        return [row async for row in tree.path_rows(session, [source.id], _COPIED)]
    message = await require_message_in(session, source.id, message_id, "up_to_message_id")
    line = select(*_COPIED).where(tree.line_to(message)).order_by(Message.position)
    return list(await session.execute(line))


def _matching(listing: Listing, character_id: str | None) -> list[ColumnElement[bool]]:
    of_character = [] if character_id is None else [Conversation.character_id == character_id]
    return [*of_character, *listing.conditions()]
