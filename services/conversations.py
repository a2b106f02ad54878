"""Keeping conversations: opening, changing, finding and deleting them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Conversation, Database, Generation, Message, Role, TitleSource, new_key, now
from services import characters, checking, requests, runs
from services.broker import Broker
from services.errors import NotFound, VersionConflict
from services.generations import generation_with
from services.paging import Key, Order, Page, PageWish, searching
from services.prompting import Names
from services.writer import ReplyWriter

Fields = Mapping[str, Any]

DEFAULT_TITLE = "New conversation"


class ConversationOrder(StrEnum):
    ACTIVE_DESC = "ACTIVE_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    CREATED_DESC = "CREATED_DESC"
    CREATED_ASC = "CREATED_ASC"
    TITLE_ASC = "TITLE_ASC"


_ORDERS = {
    ConversationOrder.ACTIVE_DESC: (Key(Conversation.active_at, True), Key(Conversation.id, True)),
    ConversationOrder.UPDATED_DESC: (Key(Conversation.updated_at, True), Key(Conversation.id, True)),
    ConversationOrder.CREATED_DESC: (Key(Conversation.created_at, True), Key(Conversation.id, True)),
    ConversationOrder.CREATED_ASC: (Key(Conversation.created_at), Key(Conversation.id)),
    ConversationOrder.TITLE_ASC: (Key(Conversation.title_folded), Key(Conversation.id)),
}


@dataclass(frozen=True)
class Listing:
    """Which conversations, in which order."""

    order: ConversationOrder = ConversationOrder.ACTIVE_DESC
    search: str | None = None

    def keyset(self, *of: object) -> Order:
        return Order("conversations", _ORDERS[self.order]).of(self.order, self.search, *of)

    def conditions(self) -> list[ColumnElement[bool]]:
        return searching(Conversation.title_folded, self.search)


class ConversationService:
    def __init__(self, database: Database, broker: Broker, writer: ReplyWriter, user_name: str) -> None:
        self._database = database
        self._broker = broker
        self._writer = writer
        self._user_name = user_name

    async def create(
        self,
        owner: str,
        character_id: str,
        fields: Fields,
        include_greeting: bool = True,
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Open a conversation; the character speaks first when it has a greeting."""
        request = requests.Once(character_id, idempotency_key, "createConversation", fields, include_greeting)
        async with self._database.write() as session:
            if known := await request.done_before(session):
                return await get(session, owner, known["conversation_id"])
            character = await characters.get(session, owner, character_id)
            conversation = new_conversation(character)
            _apply(conversation, fields)
            session.add(conversation)
            await session.flush()
            if include_greeting:
                await greet(session, conversation, character, self._user_name)
            request.remember(session, {"conversation_id": conversation.id})
        return conversation

    async def update(
        self, owner: str, conversation_id: str, fields: Fields, expected_version: int | None = None
    ) -> Conversation:
        """Change what is in `fields`; None clears, and gives the title its default back."""
        async with self._database.write() as session:
            conversation = await get(session, owner, conversation_id)
            if expected_version not in (None, conversation.version):
                raise VersionConflict(conversation)
            _apply(conversation, fields)
            if session.is_modified(conversation):
                conversation.version += 1
                conversation.updated_at = now()
        self._broker.announce(conversation.id)
        return conversation

    async def delete(self, owner: str, conversation_id: str) -> Character:
        """Delete the conversation with its messages. Return the character it was with."""
        async with self._database.write() as session:
            conversation = await get(session, owner, conversation_id)
            character = await session.get_one(Character, conversation.character_id)
            await session.execute(delete(Conversation).where(Conversation.id == conversation.id))
        self._writer.release(conversation_id, conversation.history_version)
        self._broker.announce(conversation_id)
        return character

    async def by_ids(self, ids: Sequence[str]) -> list[Conversation | None]:
        async with self._database.read() as session:
            found = await session.scalars(select(Conversation).where(Conversation.id.in_(ids)))
            by_id = {conversation.id: conversation for conversation in found}
        return [by_id.get(id) for id in ids]

    async def page(
        self, owner: str, listing: Listing, page: PageWish, character_id: str | None = None
    ) -> Page[Conversation]:
        query = select(Conversation).where(_found(owner, listing, character_id))
        async with self._database.read() as session:
            return await listing.keyset(character_id).page(session, query, page)

    async def count(self, owner: str, listing: Listing, character_id: str | None = None) -> int:
        query = select(func.count()).where(_found(owner, listing, character_id))
        async with self._database.read() as session:
            return await session.scalar(query) or 0

    async def pages_of(
        self, character_ids: Sequence[str], listing: Listing, page: PageWish
    ) -> list[Page[Conversation]]:
        """Return the same page, which has no cursor, of each character's conversations: one statement for all."""
        columns = listing.keyset().columns(page.backward)
        place = func.row_number().over(partition_by=Conversation.character_id, order_by=columns)
        numbered = (
            select(Conversation.id, place.label("place"))
            .where(Conversation.character_id.in_(character_ids), *listing.conditions())
            .subquery()
        )
        query = (
            select(Conversation)
            .join(numbered, numbered.c.id == Conversation.id)
            .where(numbered.c.place <= page.size + 1)
            .order_by(numbered.c.place)
        )
        grouped = defaultdict(list)
        async with self._database.read() as session:
            for conversation in await session.scalars(query):
                grouped[conversation.character_id].append(conversation)
        return [listing.keyset(id).cut(grouped[id], page) for id in character_ids]

    async def counts_of(self, character_ids: Sequence[str], listing: Listing) -> list[int]:
        """Return how many conversations of each character the listing has."""
        query = (
            select(Conversation.character_id, func.count())
            .where(Conversation.character_id.in_(character_ids), *listing.conditions())
            .group_by(Conversation.character_id)
        )
        async with self._database.read() as session:
            counts = {row[0]: row[1] for row in await session.execute(query)}
        return [counts.get(id, 0) for id in character_ids]


async def get(session: AsyncSession, owner: str, conversation_id: str) -> Conversation:
    """Return the owner's conversation for a change. Raises NotFound."""
    conversation = await session.get(Conversation, conversation_id, with_for_update=True)
    if conversation is None or conversation.owner != owner:
        raise NotFound("conversation", conversation_id)
    return conversation


def new_conversation(character: Character) -> Conversation:
    return Conversation(
        id=new_key("conv"),
        owner=character.owner,
        character_id=character.id,
        title=DEFAULT_TITLE,
        title_folded=checking.fold(DEFAULT_TITLE),
        title_source=TitleSource.DEFAULT,
        generation=Generation(),
        history_version=1,
        message_count=0,
    )


async def greet(session: AsyncSession, conversation: Conversation, character: Character, user_name: str) -> None:
    """Let the character speak first in an empty conversation; its other greetings are the alternatives."""
    names = Names(character.name, user_name)
    greetings = [text for text in (character.greeting, *character.alternate_greetings) if text and text.strip()]
    session.add_all(
        Message(
            conversation_id=conversation.id,
            position=0,
            active=index == 0,
            selected=index == 0,
            role=Role.ASSISTANT,
            speaker_id=character.id,
            content=names.into(text),
        )
        for index, text in enumerate(greetings)
    )
    if greetings:
        conversation.message_count = 1
        runs.touch(conversation, character)


def _apply(conversation: Conversation, fields: Fields) -> None:
    """Check each field that is there, and set it."""
    if "title" in fields:
        named = fields["title"] is not None
        conversation.title = checking.name(fields["title"], "title") if named else DEFAULT_TITLE
        conversation.title_folded = checking.fold(conversation.title)
        conversation.title_source = TitleSource.USER if named else TitleSource.DEFAULT
    for field in ("topic", "context"):
        if field in fields:
            setattr(conversation, field, checking.text(fields[field], field) if fields[field] else None)
    if "generation" in fields:
        conversation.generation = generation_with(conversation.generation, fields["generation"])


def _found(owner: str, listing: Listing, character_id: str | None) -> ColumnElement[bool]:
    of_character = [] if character_id is None else [Conversation.character_id == character_id]
    return and_(Conversation.owner == owner, *of_character, *listing.conditions())
