"""Pages of long lists, by keyset: a cursor holds the sort key of its row, so no page costs more than its rows."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from services import checking
from services.errors import InvalidCursor, InvalidInput

MAX_PAGE_SIZE = 100

Row = TypeVar("Row")


@dataclass(frozen=True)
class PageWish:
    """Which part of a list is wanted, in Relay's words; make it with `wish`."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    @property
    def backward(self) -> bool:
        return self.last is not None

    @property
    def size(self) -> int:
        return (self.last if self.last is not None else self.first) or 0

    @property
    def has_cursor(self) -> bool:
        return self.after is not None or self.before is not None


def wish(
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    default: PageWish = PageWish(first=20),
) -> PageWish:
    """Check what a caller asks for; without `first` and `last` the size is the default's.

    Raises InvalidInput for a size below 0 or above MAX_PAGE_SIZE, and for `first` with `last`.
    """
    for field, size in (("first", first), ("last", last)):
        if size is not None and not 0 <= size <= MAX_PAGE_SIZE:
            raise InvalidInput(f"A page holds 0 to {MAX_PAGE_SIZE} entries; {size} is not among them.", field)
    if first is not None and last is not None:
        raise InvalidInput("Give `first` or `last`, not both.", "last")
    if first is None and last is None:
        first, last = default.first, default.last
    return PageWish(first, after, last, before)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of a list in its order, a cursor for each, and whether the list goes on at either end."""

    nodes: Sequence[Row]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True)
class Key:
    column: InstrumentedAttribute[Any]
    descending: bool = False


@dataclass(frozen=True)
class Order:
    """A total order of a list, and what the list is: its last key is unique, its `label` goes into cursors."""

    label: str
    keys: tuple[Key, ...]

    def of(self, *parts: object) -> "Order":
        """Return the order of one certain list, whose cursors no other list accepts."""
        return replace(self, label="\0".join([self.label, *map(str, parts)]))

    def columns(self, backward: bool = False) -> list[ColumnElement[Any]]:
        return [key.column.desc() if key.descending != backward else key.column.asc() for key in self.keys]

    def cursor(self, row: object) -> str:
        values = [_plain(getattr(row, key.column.key)) for key in self.keys]
        packed = json.dumps([self._tag, *values], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).rstrip(b"=").decode()

    def past(self, cursor: str, backward: bool, field: str) -> ColumnElement[bool]:
        """Return the condition for the rows behind the cursor's (before it when `backward`)."""
        values = self._read(cursor, field)
        conditions: list[ColumnElement[bool]] = []
        for index, key in enumerate(self.keys):
            ties = [other.column == value for other, value in zip(self.keys[:index], values, strict=False)]
            greater = key.descending == backward
            step = key.column > values[index] if greater else key.column < values[index]
            conditions.append(and_(*ties, step))
        return or_(*conditions)

    @property
    def _tag(self) -> str:
        return hashlib.blake2b(self.label.encode("utf-8", "replace"), digest_size=6).hexdigest()

    def _read(self, cursor: str, field: str) -> list[Any]:
        try:
            tag, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            parsed = [_typed(key.column, value) for key, value in zip(self.keys, values, strict=True)]
        except (ValueError, TypeError, RecursionError):
            raise InvalidCursor("This is no cursor.", field) from None
        if tag != self._tag:
            raise InvalidCursor("This cursor was given out by another list.", field)
        return parsed

    async def page(self, session: AsyncSession, query: Select[Row], page: PageWish) -> Page[Row]:
        """Run the query for one page of its rows."""
        for cursor, backward, field in ((page.after, False, "after"), (page.before, True, "before")):
            if cursor is not None:
                query = query.where(self.past(cursor, backward, field))
        query = query.order_by(*self.columns(page.backward)).limit(page.size + 1)
        return self.cut(list(await session.scalars(query)), page)

    def cut(self, rows: list[Row], page: PageWish) -> Page[Row]:
        """Make a page of rows read in the page's direction, up to one more than fit."""
        more, rows = len(rows) > page.size, rows[: page.size]
        if page.backward:
            rows.reverse()
        return Page(
            nodes=rows,
            cursors=[self.cursor(row) for row in rows],
            has_next=page.before is not None if page.backward else more,
            has_previous=more if page.backward else page.after is not None,
        )


def searching(column: InstrumentedAttribute[str], search: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions under which a folded column contains what was typed."""
    if not search:
        return []
    folded = checking.fold(checking.text(search, "search", limit=checking.NAME_LENGTH))
    return [column.contains(folded, autoescape=True)]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(column: InstrumentedAttribute[Any], value: Any) -> Any:
    kind = column.type.python_type
    if kind is datetime:
        return datetime.fromisoformat(value)
    if type(value) is not kind or (kind is int and abs(value) >= 1 << 63):
        raise TypeError
    # A lone surrogate is a ValueError here, and would be a failure of the database below.
    return value.encode().decode() if kind is str else value
