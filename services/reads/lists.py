"""Lists in SQL: plain ones, and Relay's connections."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, func, select

from services.paging import PageArguments, page_arguments, parent_named_in, short_id
from services.reads import sources
from services.reads.building import Asked, Builder, below
from services.reads.columns import Row, json_boolean, json_list, json_object, or_null, short_id_of
from services.reads.functions import Cursor, FirstItem, Joined, LastItem
from services.reads.literals import REREAD_JSON, number, quoted, text
from services.reads.projections import (
    Arguments,
    Connection,
    Constant,
    EdgeCursor,
    Edges,
    Nested,
    Nodes,
    NotPlain,
    PageFact,
    PageInfo,
    Part,
    Projection,
    TotalCount,
)
from services.reads.sources import Source, rows_of


@dataclass(frozen=True)
class Many:
    """The first rows of a list; of a path, the last ones."""

    source: Source

    @property
    def model(self) -> type[Any]:
        return self.source.model

    def asked(self, arguments: Arguments) -> Asked:
        size = page_arguments(arguments.get("first"), last=arguments.get("last")).size
        return self.source.asked(arguments, PageArguments(first=size))

    def expression(self, builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
        projection = nested.selection
        assert isinstance(projection, Projection)
        found, query = rows_of(self.source, builder, row, nested)
        query = query.limit(builder.parameter(nested, "size", Integer()))
        rows = builder.rows(query, found, [projection], f"rows{nested.place}")
        listed = Joined(builder.object(rows, projection))
        # The FROM is named, because a list of constants would have none.
        return select(json_list(listed)).select_from(rows.source).scalar_subquery()


@dataclass(frozen=True)
class Pages:
    """Pages of a list, as Relay's connections."""

    source: Source

    @property
    def model(self) -> type[Any]:
        return self.source.model

    def asked(self, arguments: Arguments) -> Asked:
        if arguments.get("around") is not None:
            raise NotPlain
        names = ("first", "after", "last", "before")
        page = page_arguments(**{name: arguments[name] for name in names}, default=self.source.default)
        asked = self.source.asked(arguments, page)
        values = {**asked.values, "parent": self._parent(arguments, page)}
        order = self.source.order(asked.form.order).below(values["parent"])
        for name, cursor in (("after", page.after), ("before", page.before)):
            if cursor is not None:
                key = order.stored_key(cursor, name)
                values |= {f"{name}{index}": value for index, value in enumerate(key)}
        return Asked(asked.form, values)

    def _parent(self, arguments: Arguments, page: PageArguments) -> str:
        """Returns the short id of the parent; where SQL finds the parent, the one that the cursor claims."""
        if self.source.belongs_to_row:
            return parent_named_in(page.after or page.before or "")
        return short_id(arguments.get("character_id") or "")

    def expression(self, builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
        connection = nested.selection
        assert isinstance(connection, Connection)
        page = _Page(self.source, builder, row, nested, connection)
        form = builder.form(nested)
        if row is None or not (form.after or form.before):
            return page.expression
        # A cursor of another list is an error, which the rows path reports.
        own = short_id_of(row) == builder.parameter(nested, "parent")
        return case((own, page.expression), else_=REREAD_JSON)


class _Page:
    """One page of a connection: up to one row more than it shows is read, in the direction of the page."""

    def __init__(
        self, source: Source, builder: Builder, row: Row | None, nested: Nested, connection: Connection
    ) -> None:
        self._source, self._builder, self._row, self._nested = source, builder, row, nested
        self._form = builder.form(nested)
        self._order = source.order(self._form.order)
        self._size = builder.parameter(nested, "size", Integer())
        self._rows, self._number = self._numbered(connection)
        self._shown = self._number <= self._size
        self.expression = self._object(connection)

    def _numbered(self, connection: Connection) -> tuple[Row, ColumnElement[int]]:
        """Returns the rows in the order of the list, and the number of each in the order of reading."""
        found, query = rows_of(self._source, self._builder, self._row, self._nested)
        limit, place = self._builder.parameter(self._nested, "limit", Integer()), self._nested.place
        keys = [column.key for column in self._order.columns]
        read = self._builder.rows(query.limit(limit), found, connection.projections, f"read{place}", *keys)
        # The cursor is made here and not where it is used, for the sake of SQLite's parser.
        more = func.row_number().over().label("number"), self._cursor(read).label("cursor")
        page = below(select(read.source, *more), self._row).subquery(f"rows{place}")
        if self._form.backward:
            page = select(page).order_by(page.c.number.desc()).limit(limit).subquery(f"turned{place}")
        return read.of(page), page.c.number

    def _object(self, connection: Connection) -> ColumnElement[Any]:
        made = json_object((key, self._part(part)) for key, part in connection.parts)
        if not any(_reads_rows(part) for _, part in connection.parts):
            return made
        return select(made).select_from(self._rows.source).scalar_subquery()

    def _part(self, part: Part) -> ColumnElement[Any]:
        match part:
            case Constant(text=constant):
                return quoted(text(constant))
            case Nodes(projection=projection):
                return self._list(self._builder.object(self._rows, projection))
            case Edges(parts=parts):
                return self._list(json_object((key, self._edge_part(one)) for key, one in parts))
            case PageInfo(parts=parts):
                return json_object((key, self._fact(one)) for key, one in parts)
            case TotalCount():
                assert self._source.total is not None
                return self._source.total(self._builder, self._row, self._nested)
        raise TypeError(f"A connection has no {type(part).__name__}.")

    def _edge_part(self, part: Part) -> ColumnElement[Any]:
        match part:
            case EdgeCursor():
                return quoted(self._rows.source.c.cursor)
            case Nodes(projection=projection):
                return self._builder.object(self._rows, projection)
            case Constant(text=constant):
                return quoted(text(constant))
        raise TypeError(f"An edge has no {type(part).__name__}.")

    def _fact(self, part: Part) -> ColumnElement[Any]:
        match part:
            case Constant(text=constant):
                return quoted(text(constant))
            case PageFact(name="start_cursor"):
                return or_null(FirstItem(self._cursors()))
            case PageFact(name="end_cursor"):
                return or_null(LastItem(self._cursors()))
            case PageFact(name=name):
                return json_boolean(self._has_more(name))
        raise TypeError(f"A page has no {type(part).__name__}.")

    def _has_more(self, name: str) -> ColumnElement[bool]:
        """Where the page was not read to, there is more exactly if it begins or ends at a cursor."""
        if self._form.backward == (name == "has_previous_page"):
            return func.count() > self._size
        given = self._form.before if self._form.backward else self._form.after
        # Still about the rows that were read, so that the statement stays one over all of them.
        return func.count() >= number(0) if given else func.count() < number(0)

    def _cursors(self) -> ColumnElement[Any]:
        return self._list(quoted(self._rows.source.c.cursor))

    def _list(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        return json_list(Joined(value).filter(self._shown))

    def _cursor(self, rows: Row) -> ColumnElement[Any]:
        """See services.paging.Order.cursor."""
        parent: ColumnElement[Any] = self._builder.parameter(self._nested, "parent")
        if self._row is not None:
            parent = short_id_of(self._row)
        return Cursor(text(self._order.tag), parent, *(rows[column.key] for column in self._order.columns))


def _reads_rows(part: Part) -> bool:
    """Returns whether the part is made of all rows of the page."""
    if isinstance(part, PageInfo):
        return any(isinstance(inner, PageFact) for _, inner in part.parts)
    return isinstance(part, Nodes | Edges)


CHARACTERS, CHARACTERS_CONNECTION = Many(sources.ALL_CHARACTERS), Pages(sources.ALL_CHARACTERS)
CONVERSATIONS, CONVERSATIONS_CONNECTION = Many(sources.ALL_CONVERSATIONS), Pages(sources.ALL_CONVERSATIONS)
CONVERSATIONS_OF_CHARACTER, CONNECTION_OF_CHARACTER = Many(sources.OF_CHARACTER), Pages(sources.OF_CHARACTER)
MESSAGES, CONNECTION_OF_CONVERSATION = Many(sources.LAST_OF_CONVERSATION), Pages(sources.OF_CONVERSATION)
ALTERNATIVES = Many(sources.AT_POSITION)
