"""Relations: what the fields of a row that are no columns are in SQL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Integer, and_, func, or_, select

from models import Character, Conversation, Message, Role, Run
from models.base import Key
from services.excerpts import checked_length
from services.reads.building import Asked, Builder, below, correlated
from services.reads.columns import Row, short_id_of, unless_live
from services.reads.functions import JsonExcerpt, JsonKept, JsonNumber
from services.reads.literals import number, quoted, text
from services.reads.projections import Arguments, Nested, Projection


class Relation(Protocol):
    """`model` is what its rows are; None for a value."""

    @property
    def model(self) -> type[Any] | None: ...

    def asked(self, arguments: Arguments) -> Asked:
        """Checks the arguments as the services do. Raises UserError, and NotPlain where only rows can answer."""
        ...

    def expression(self, builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
        """Returns the relation's value as JSON, NULL for nothing; `row` is the table's row that it begins at."""
        ...


def stored_id(model: Any, id: str) -> str:
    """Returns an id as it is stored; a malformed one as a value that no row has."""
    return _key(model).stored(id)


@cache
def _key(model: Any) -> Key:
    kind = model.__mapper__.columns["id"].type
    assert isinstance(kind, Key)
    return kind


@dataclass(frozen=True)
class Value:
    """A value that SQL makes of the row and of rows beside it."""

    make: Callable[[Builder, Row, Nested], ColumnElement[Any]]
    model: None = None

    def asked(self, arguments: Arguments) -> Asked:
        return Asked()

    def expression(self, builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
        assert row is not None
        return self.make(builder, row, nested)


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a message's text; see services.excerpts."""

    model: None = None

    def asked(self, arguments: Arguments) -> Asked:
        return Asked(values={"length": checked_length(arguments["length"])})

    def expression(self, builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
        assert row is not None
        made = JsonExcerpt(row.text("content"), builder.parameter(nested, "length", Integer()))
        return unless_live(row, "content", made)


@dataclass(frozen=True)
class One:
    """A row that an attribute of the row names; `within` says that both belong to one character."""

    model: type[Any]
    attribute: str
    within: bool = True

    def asked(self, arguments: Arguments) -> Asked:
        return Asked()

    def expression(self, builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
        assert row is not None
        found, visible = builder.table(self.model, nested, row if self.within else None)
        return _object(builder, row, found, nested, visible, found.text("id") == row.text(self.attribute))


@dataclass(frozen=True)
class ById:
    """The row with the id that an argument gives."""

    model: type[Any]

    def asked(self, arguments: Arguments) -> Asked:
        return Asked(values={"id": stored_id(self.model, arguments["id"])})

    def expression(self, builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
        found, visible = builder.table(self.model, nested)
        is_it = found.text("id") == builder.parameter(nested, "id", self.model.__mapper__.columns["id"].type)
        return _object(builder, row, found, nested, visible, is_it)


@dataclass(frozen=True)
class AnyById:
    """The row with the id that an argument gives, whose prefix says what it is."""

    by_prefix: Mapping[str, ById] = field(
        default_factory=lambda: {_key(model).prefix: ById(model) for model in (Character, Conversation, Message)}
    )


@dataclass(frozen=True)
class Beside:
    """A row of `model` that is found by a condition."""

    model: type[Any]
    condition: Callable[[Builder, Row, Row, Nested], ColumnElement[bool]]

    def asked(self, arguments: Arguments) -> Asked:
        return Asked()

    def expression(self, builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
        assert row is not None
        found, visible = builder.table(self.model, nested, row)
        return _object(builder, row, found, nested, visible, self.condition(builder, row, found, nested))


def _object(
    builder: Builder, row: Row | None, found: Row, nested: Nested, *conditions: ColumnElement[bool]
) -> ColumnElement[Any]:
    projection = nested.selection
    assert isinstance(projection, Projection)
    query = below(select(found.source).where(*conditions), row)
    read = builder.rows(query, found, [projection], f"row{nested.place}")
    return select(builder.object(read, projection)).select_from(read.source).scalar_subquery()


def _last(builder: Builder, row: Row, found: Row, nested: Nested) -> ColumnElement[bool]:
    last = found["position"] == row["message_count"] - number(1)
    return and_(found.text("conversation_id") == row.text("id"), found["active"], last)


def _first_of_user(builder: Builder, row: Row, found: Row, nested: Nested) -> ColumnElement[bool]:
    said, visible = builder.table(Message, nested, row)
    of_user = and_(visible, said.text("conversation_id") == row.text("id"), said["active"])
    of_user = and_(of_user, said.text("role") == text(Role.USER.value))
    first = select(said.text("id")).where(of_user).order_by(said["position"]).limit(1)
    return found.text("id") == correlated(first, row)


def _being_written(builder: Builder, row: Row, found: Row, nested: Nested) -> ColumnElement[bool]:
    run, visible = builder.table(Run, nested, row)
    of_row = run.text("conversation_id") == row.text("id")
    written = select(run["message_id"]).where(visible, of_row, run["ended"].is_(None))
    return found["id"] == correlated(written, row)


def same_position(row: Row, other: Row) -> ColumnElement[bool]:
    """Returns the condition for the alternatives of a message: those with its parent, or at the root with it."""
    at_root = and_(
        row["parent_id"].is_(None),
        other.text("conversation_id") == row.text("conversation_id"),
        other["position"] == number(0),
    )
    return or_(other.text("parent_id") == row.text("parent_id"), at_root)


def _alternative_count(builder: Builder, row: Row, nested: Nested) -> ColumnElement[Any]:
    other, visible = builder.table(Message, nested, row)
    count = select(func.count()).select_from(other.source).where(visible, same_position(row, other))
    return JsonNumber(correlated(count, row))


def _alternative_index(builder: Builder, row: Row, nested: Nested) -> ColumnElement[Any]:
    other, visible = builder.table(Message, nested, row)
    older = and_(same_position(row, other), other.text("id") < row.text("id"))
    return JsonNumber(correlated(select(func.count()).select_from(other.source).where(visible, older), row))


def _stream_cursor(builder: Builder, row: Row, nested: Nested) -> ColumnElement[Any]:
    """See services.streaming.cursors."""
    return quoted(short_id_of(row).op("||")(text(".")).op("||")(row["history_version"]))


def _metadata(builder: Builder, row: Row, nested: Nested) -> ColumnElement[Any]:
    return JsonKept(func.coalesce(row.text("extra"), text("{}")))


CHARACTER, CONVERSATION, MESSAGE, NODE = ById(Character), ById(Conversation), ById(Message), AnyById()
CHARACTER_OF_CONVERSATION = One(Character, "character_id")
CONVERSATION_COUNT = Value(lambda builder, row, nested: JsonNumber(row["conversation_count"]))
FIRST_USER_MESSAGE = Beside(Message, _first_of_user)
LAST_MESSAGE = Beside(Message, _last)
ACTIVE_REPLY = Beside(Message, _being_written)
FORKED_FROM = One(Message, "forked_from_id", within=False)
STREAM_CURSOR = Value(_stream_cursor)
CONVERSATION_OF_MESSAGE = One(Conversation, "conversation_id")
SPEAKER = One(Character, "speaker_id", within=False)
PARENT = One(Message, "parent_id")
ALTERNATIVE_COUNT = Value(_alternative_count)
ALTERNATIVE_INDEX = Value(_alternative_index)
METADATA = Value(_metadata)
EXCERPT = Excerpt()
