"""Keyset pagination: a cursor holds the sort key of its row, so a page costs no more than its rows."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models.base import Key
from services import checking
from services.errors import InvalidCursor, InvalidInput

MAX_PAGE_SIZE = 100

# Columns of integers have 32 bits.
_INT32 = 1 << 31
_HEX = re.compile(r"[0-9a-f]{32}")

Row = TypeVar("Row")
Sorting = TypeVar("Sorting", bound=StrEnum)


@dataclass(frozen=True)
class PageArguments:
    """The part of a list that a caller asks for, in Relay's terms; `page_arguments` makes and checks them."""

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


FIRST_PAGE = PageArguments(first=20)


def page_arguments(
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    default: PageArguments = FIRST_PAGE,
) -> PageArguments:
    """Checks what a caller asks for; without `first` and `last` the size is the default's.

    Raises InvalidInput for a size below 0 or above MAX_PAGE_SIZE, and for `first` with `last`.
    """
    for field, size in (("first", first), ("last", last)):
        if size is not None and not 0 <= size <= MAX_PAGE_SIZE:
            raise InvalidInput(f"{field} must be between 0 and {MAX_PAGE_SIZE}; got {size}.", field)
    if first is not None and last is not None:
        raise InvalidInput("Use `first` or `last`, not both.", "last")
    if first is None and last is None:
        first, last = default.first, default.last
    return PageArguments(first, after, last, before)


def size_around(
    first: int | None, after: str | None, last: int | None, before: str | None, default: PageArguments
) -> int:
    """Returns the size of a page around one of its rows. Raises InvalidInput."""
    if any(given is not None for given in (after, last, before)):
        raise InvalidInput("Use `around` with `first` or alone, not with `after`, `last` or `before`.", "around")
    return page_arguments(first, default=PageArguments(first=default.size)).size


@dataclass(frozen=True)
class Order:
    """A total order of a list: by `columns`, the last of which is unique, all in one direction.

    `label` names the list, and `parent` the row that the list belongs to, if it does; both go into cursors, so
    that no other list accepts them.
    """

    label: str
    columns: tuple[InstrumentedAttribute[Any], ...]
    descending: bool = False
    parent: str = ""

    def of(self, *parts: object) -> "Order":
        """Returns the order of a list with these filters."""
        return replace(self, label="\0".join([self.label, *map(str, parts)]))

    def below(self, parent_id: str | None) -> "Order":
        """Returns the order of the list that belongs to one row."""
        return replace(self, parent=short_id(parent_id) if parent_id else "")

    def sorting(self, backward: bool = False) -> list[ColumnElement[Any]]:
        """Returns the terms for ORDER BY."""
        return [column.desc() if self.descending != backward else column.asc() for column in self.columns]

    def sort(self, rows: Iterable[Row], backward: bool = False) -> list[Row]:
        """Returns the rows as ORDER BY would."""
        return sorted(
            rows,
            key=lambda row: [getattr(row, column.key) for column in self.columns],
            reverse=self.descending != backward,
        )

    def cursor(self, row: object) -> str:
        """Returns the JSON list [tag, parent, sort key…] in hexadecimal.

        Sort keys are as SQLite stores them; either database can write cursors too (services.reads).
        """
        values = [_stored(column, getattr(row, column.key)) for column in self.columns]
        packed = json.dumps([self.tag, self.parent, *values], separators=(",", ":"), ensure_ascii=False)
        return packed.encode().hex()

    def past(self, cursor: str, backward: bool, field: str) -> ColumnElement[bool]:
        """Returns the condition for the rows after the cursor's (before it when `backward`).

        It compares row values, which an index answers in one step; the same condition spelled out with OR would
        make SQLite walk the index from its beginning.
        """
        read = zip(self.sort_key(cursor, field), self.columns, strict=True)
        bound = [literal(value, column.type) for value, column in read]
        here: Any = tuple_(*self.columns) if len(bound) > 1 else self.columns[0]
        there: Any = tuple_(*bound) if len(bound) > 1 else bound[0]
        past: ColumnElement[bool] = here < there if self.descending != backward else here > there
        return past

    @cached_property
    def tag(self) -> str:
        return hashlib.blake2b(self.label.encode("utf-8", "replace"), digest_size=6).hexdigest()

    def sort_key(self, cursor: str, field: str) -> list[Any]:
        """Returns the values of `columns` at the cursor. Raises InvalidCursor with `field` as its path."""
        try:
            tag, parent, *values = json.loads(bytes.fromhex(cursor))
            key = [_typed(column, value) for column, value in zip(self.columns, values, strict=True)]
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise InvalidCursor("This is not a cursor.", field) from None
        if (tag, parent) != (self.tag, self.parent):
            raise InvalidCursor("This cursor belongs to another list.", field)
        return key

    def stored_key(self, cursor: str, field: str) -> list[Any]:
        """Returns what sort_key does, as SQLite stores it. Raises InvalidCursor."""
        read = zip(self.columns, self.sort_key(cursor, field), strict=True)
        return [_stored(column, value) for column, value in read]

    async def page(self, session: AsyncSession, query: Select[Any], page: PageArguments) -> "Page[Any]":
        """Runs the query for one page of its rows."""
        for cursor, backward, field in ((page.after, False, "after"), (page.before, True, "before")):
            if cursor is not None:
                query = query.where(self.past(cursor, backward, field))
        query = query.order_by(*self.sorting(page.backward)).limit(page.size + 1)
        return self.page_of(list(await session.scalars(query)), page)

    async def page_around(self, session: AsyncSession, query: Select[Any], row: object, size: int) -> "Page[Any]":
        """Runs the query for the page that has the row, or the place that it would have, in its middle.

        At either end of the list the page has more of the other side.
        """
        before = self.past(self.cursor(row), True, "around")
        earlier = list(await session.scalars(query.where(before).order_by(*self.sorting(True)).limit(size + 1)))
        later = list(await session.scalars(query.where(~before).order_by(*self.sorting()).limit(size + 1)))
        kept = min(len(earlier), max(size // 2, size - len(later)))
        return Page(
            nodes=[*reversed(earlier[:kept]), *later[: size - kept]],
            order=self,
            has_next=len(later) > size - kept,
            has_previous=len(earlier) > kept,
        )

    def page_of(self, rows: list[Row], page: PageArguments) -> "Page[Row]":
        """Makes a page of rows that were read in the page's direction, up to one more than the page holds."""
        more, rows = len(rows) > page.size, rows[: page.size]
        if page.backward:
            rows.reverse()
        return Page(
            nodes=rows,
            order=self,
            has_next=page.before is not None if page.backward else more,
            has_previous=more if page.backward else page.after is not None,
        )


def directed(
    keys: type[Sorting],
    label: str,
    columns: Mapping[str, InstrumentedAttribute[Any]],
    unique: InstrumentedAttribute[Any],
) -> dict[Sorting, Order]:
    """Returns the orders that keys such as NAME_ASC name: by the column called NAME, then by the unique one."""
    orders = {}
    for key in keys:
        name, _, direction = key.rpartition("_")
        orders[key] = Order(label, (columns[name], unique), descending=direction == "DESC")
    return orders


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of a list in its order, and whether there are more at either end."""

    nodes: Sequence[Row]
    order: Order
    has_next: bool
    has_previous: bool

    @cached_property
    def cursors(self) -> list[str]:
        """A cursor for each row; most lists are read without them."""
        return [self.order.cursor(row) for row in self.nodes]

    def with_nodes(self, nodes: Sequence[Row]) -> "Page[Row]":
        """Returns the page with other forms of the same rows."""
        return replace(self, nodes=nodes)


def parent_named_in(cursor: str) -> str:
    """Returns the short id of the parent whose list the cursor claims to be of; empty when it is no cursor."""
    try:
        return str(json.loads(bytes.fromhex(cursor))[1])
    except (ValueError, TypeError, LookupError, RecursionError):
        return ""


def short_id(id: str) -> str:
    """Returns the half of an id that tells it from others: the last 16 digits are random."""
    return id[-16:]


def searching(column: InstrumentedAttribute[str], search: str | None) -> list[ColumnElement[bool]]:
    """Returns the conditions for a folded column to contain what a person typed."""
    if not search:
        return []
    folded = checking.fold(checking.text(search, "search", limit=checking.NAME_LENGTH))
    return [column.contains(folded, autoescape=True)]


def _stored(column: InstrumentedAttribute[Any], value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.partition("_")[2] if isinstance(column.type, Key) else value


def _typed(column: InstrumentedAttribute[Any], value: Any) -> Any:
    kind = column.type.python_type
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            raise ValueError
        return moment.replace(tzinfo=UTC)
    if type(value) is not kind or (kind is int and not -_INT32 <= value < _INT32):
        raise TypeError
    if isinstance(column.type, Key):
        if not _HEX.fullmatch(value):
            raise ValueError
        return f"{column.type.prefix}_{value}"
    if kind is str and "\0" in value:
        raise ValueError
    # A lone surrogate is a ValueError here; the database would fail at it.
    return value.encode().decode() if kind is str else value
