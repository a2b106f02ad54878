"""Searching messages, newest first, on every path of their conversations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    any_,
    case,
    column,
    exists,
    func,
    inspect,
    literal,
    select,
    table,
)
from sqlalchemy.ext.asyncio import AsyncSession

from models import TEXT_INDEX, TEXTS_OF_EVERYONE, Conversation, Database, MessageText
from services.paging import Order, PageArguments
from services.search import filling
from services.search.words import trigrams_of, words_of

# Texts that one page looks at: where they hold too little, the page is short, and its cursor leads on.
LOOKED_AT = 50_000
# Texts that PostgreSQL's index gives at the most.
RARE = 2_000

_NEWEST = Order("search", (MessageText.number,), descending=True)
_INDEX = table(TEXT_INDEX, column("rowid"), column(TEXT_INDEX))


@dataclass(frozen=True)
class Found:
    """A message that was found, and its place in the list of all that are."""

    number: int
    message_id: str


@dataclass(frozen=True)
class Finds:
    """A page of what a search found. `words` are folded; `is_complete` is false while old messages are missing."""

    found: Sequence[Found]
    cursors: Sequence[str]
    end_cursor: str | None
    has_next: bool
    has_previous: bool
    words: Sequence[str]
    is_complete: bool


@dataclass(frozen=True)
class _Search:
    words: list[str]
    character_id: str | None
    conversation_id: str | None

    @property
    def order(self) -> Order:
        return _NEWEST.of(self.character_id, *self.words).below(self.conversation_id)

    def conditions(self, is_sqlite: bool) -> list[ColumnElement[bool]]:
        """Returns what holds for the texts that are found."""
        place_of = func.instr if is_sqlite else func.strpos
        conditions = [place_of(MessageText.folded, word) > 0 for word in self.words]
        if self.conversation_id is not None:
            conditions.append(MessageText.conversation_id == self.conversation_id)
        if self.character_id is not None:
            # Asked of each text: a list of conversations would lead SQLite away from the index of trigrams.
            of_text = Conversation.id == MessageText.conversation_id
            conditions.append(exists().where(of_text, Conversation.character_id == self.character_id))
        return conditions


class SearchService:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def messages(
        self, owner: str, query: str, character_id: str | None, conversation_id: str | None, page: PageArguments
    ) -> Finds:
        """Returns a page of the messages that contain all words of the query. Raises InvalidInput."""
        search = _Search(words_of(query), character_id, conversation_id)
        after = None if page.after is None else search.order.sort_key(page.after, "after")[0]
        async with self._database.snapshot(owner) as session:
            found, floor = await _found(session, search, after, page.size + 1)
            is_complete = await filling.is_complete(session)
        more, found = len(found) > page.size, found[: page.size]
        cursors = [search.order.cursor(one) for one in found]
        # Where the page ends because enough was looked at, the list goes on after the last text looked at.
        end = search.order.cursor(Found(floor, "")) if floor is not None and not more else None
        return Finds(
            found=found,
            cursors=cursors,
            end_cursor=end or (cursors[-1] if cursors else None),
            has_next=more or floor is not None,
            has_previous=page.after is not None,
            words=search.words,
            is_complete=is_complete,
        )


async def _found(
    session: AsyncSession, search: _Search, after: int | None, limit: int
) -> tuple[list[Found], int | None]:
    """Returns what is found after a number, and the number of the last text looked at if there may be more."""
    is_sqlite = (await session.connection()).dialect.name == "sqlite"
    query = select(MessageText.number, MessageText.message_id).where(*search.conditions(is_sqlite))
    trigrams = trigrams_of(search.words) if search.conversation_id is None else ""
    if trigrams and await _has_index(session, search.words):
        if is_sqlite:
            matching = _INDEX.c[TEXT_INDEX].op("MATCH")(trigrams)
            query = query.join(_INDEX, _INDEX.c.rowid == MessageText.number).where(matching)
            candidates = select(_INDEX.c.rowid).where(matching)
            return await _walked(session, query, _INDEX.c.rowid, candidates, after, limit)
        if (rare := await _rare(session, search.words, after)) is not None:
            query = query.where(MessageText.number == any_(literal(rare, ARRAY(BigInteger))))
            rows = await session.execute(query.order_by(MessageText.number.desc()).limit(limit))
            return [Found(*row) for row in rows], None
    numbers = select(TEXTS_OF_EVERYONE.c.number)
    if search.conversation_id is not None:
        numbers = numbers.where(TEXTS_OF_EVERYONE.c.conversation_id == search.conversation_id)
    return await _walked(session, query, MessageText.number, numbers, after, limit)


async def _rare(session: AsyncSession, words: Sequence[str], after: int | None) -> list[int] | None:
    """Returns the numbers of all texts with these words, whoever owns them, by PostgreSQL's index; None if many.

    The index gives them in no order, so where there are many it is faster to look at the newest texts.
    """
    text, number = TEXTS_OF_EVERYONE.c.folded, TEXTS_OF_EVERYONE.c.number
    numbers = select(number).where(*(text.contains(word, autoescape=True) for word in words))
    if after is not None:
        numbers = numbers.where(number < after)
    past_the_owner = await session.connection()
    found = list(await past_the_owner.scalars(numbers.limit(RARE + 1)))
    return found if len(found) <= RARE else None


async def _walked(
    session: AsyncSession,
    query: Select[int, str],
    number: Any,
    numbers: Select[Any],
    after: int | None,
    limit: int,
) -> tuple[list[Found], int | None]:
    """Walks `number` down from the cursor: `query` gives what is found, `numbers` all that would be looked at."""
    numbers = numbers.order_by(numbers.selected_columns[0].desc())
    query = query.order_by(number.desc())
    if after is not None:
        numbers, query = numbers.where(numbers.selected_columns[0] < after), query.where(number < after)
    floor = await _floor(session, numbers)
    if floor is not None:
        query = query.where(number >= floor)
    return [Found(*row) for row in await session.execute(query.limit(limit))], floor


async def _floor(session: AsyncSession, numbers: Select[Any]) -> int | None:
    """Returns the last number that a page looks at, if there are more.

    Numbers of all owners count, because looking at a text takes the time, whoever owns it.
    """
    past_the_owner = await session.connection()
    last_two = (await past_the_owner.scalars(numbers.offset(LOOKED_AT - 1).limit(2))).all()
    return last_two[0] if len(last_two) == 2 else None


async def _has_index(session: AsyncSession, words: Sequence[str]) -> bool:
    """Returns whether there is an index that knows parts of the words."""
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        # pg_trgm knows three letters or digits in a row; in the locale C only those of ASCII are any.
        is_ascii = func.current_setting("lc_ctype").in_(["C", "POSIX"])
        known = literal(" ".join(words)).regexp_match(case((is_ascii, "[0-9a-z]{3}"), else_="[[:alnum:]]{3}"))
        return await connection.scalar(select(func.to_regclass(TEXT_INDEX).is_not(None) & known)) or False
    return await connection.run_sync(lambda connection: inspect(connection).has_table(TEXT_INDEX))
