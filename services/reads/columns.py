"""Columns as JSON: the value that each type of column has in an answer, as a text that the database writes.

The text is put together by format strings and not by json_object, which would nest: SQLite's parser bears about a
dozen functions inside each other. Where the database cannot be sure of a value it writes REREAD in its place, and
the whole answer is read by rows.
"""

from collections.abc import Iterable
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    String,
    case,
    func,
    null,
    or_,
    type_coerce,
)

from models import UNFINISHED, Message
from models.base import Choice, Key, Moment, Record
from services.reads.functions import (
    Digits,
    Filled,
    FloatInside,
    IntInside,
    JsonKept,
    JsonMoment,
    JsonNumber,
    JsonText,
    Readable,
    TextInside,
)
from services.reads.literals import REREAD_JSON, number, quoted, text
from services.reads.projections import Column, Constant, Parts

# Of other types, the JSON that is stored.
_INSIDE = {str: TextInside, float: FloatInside, int: IntInside}

# What a message that is being written does not show as it is stored; see services.messages.
_LIVE = ("content", "status", "finish_reason", "failure")


class Row:
    """The columns of a row of `model`, from a table under any name or from a subquery.

    `places` are those of the relations whose values it has already, in columns of its own.
    """

    def __init__(self, model: type[Any], source: FromClause, places: Iterable[int] = ()) -> None:
        self.model = model
        self.source = source
        self._places = set(places)

    def of(self, source: FromClause) -> "Row":
        """Returns the row as it comes out of a subquery over it."""
        return Row(self.model, source, self._places)

    def value(self, place: int) -> ColumnElement[Any] | None:
        return self.source.c[value_name(place)] if place in self._places else None

    def __getitem__(self, attribute: str) -> ColumnElement[Any]:
        return self.source.c[column_name(self.model, attribute)]

    def text(self, attribute: str) -> ColumnElement[str]:
        """Returns the column as it is stored, whatever its type."""
        return type_coerce(self[attribute], String)


def value_name(place: int) -> str:
    return f"value{place}"


def column_name(model: type[Any], attribute: str) -> str:
    return str(model.__mapper__.columns[attribute].name)


def columns_for(model: type[Any], attributes: Iterable[str]) -> list[str]:
    """Returns the names of the columns that the values of the attributes are made of, and that of the id."""
    wanted = {"id", *attributes}
    if model is Message and wanted.intersection(_LIVE):
        wanted.add("status")
    return sorted(column_name(model, attribute) for attribute in wanted)


def json_object(pairs: Iterable[tuple[str, ColumnElement[Any]]]) -> ColumnElement[str]:
    """Returns an object of values that are JSON texts and never NULL."""
    named = list(pairs)
    template = ",".join(f'"{key}":%s' for key, _ in named)
    return Filled(text(f"{{{template}}}"), *(value for _, value in named))


def json_list(values: ColumnElement[Any]) -> ColumnElement[str]:
    """Returns a list of what Joined gives, which is NULL without rows."""
    return Filled(text("[%s]"), values)


def json_boolean(condition: ColumnElement[bool]) -> ColumnElement[str]:
    return case((condition, text("true")), else_=text("false"))


def or_null(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(value, text("null"))


def short_id_of(row: Row) -> ColumnElement[str]:
    """Returns what services.paging.short_id does."""
    return func.substr(Digits(row.text("id")), number(17))


def value_of(row: Row, attribute: str) -> ColumnElement[Any]:
    """Returns the value of a column as JSON."""
    column = row.model.__mapper__.columns[attribute]
    value = _value(column.type, row[attribute], row.text(attribute))
    return unless_live(row, attribute, or_null(value) if column.nullable else value)


def record_of(row: Row, attribute: str, parts: Parts) -> ColumnElement[Any]:
    """Returns parts of a record as JSON."""
    column = row.model.__mapper__.columns[attribute]
    assert isinstance(column.type, Record)
    stored, types = row.text(attribute), get_type_hints(column.type.kind)
    made = json_object((key, _inside(stored, part, types)) for key, part in parts)
    record: ColumnElement[Any] = Readable(made, stored)
    if column.nullable:
        record = case((stored.is_(None), text("null")), else_=record)
    return unless_live(row, attribute, record)


def _value(kind: Any, column: ColumnElement[Any], stored: ColumnElement[str]) -> ColumnElement[Any]:
    match kind:
        case Key(prefix=prefix):
            return text(f'"{prefix}_').op("||")(Digits(stored)).op("||")(text('"'))
        case Moment():
            return JsonMoment(stored)
        case Choice(kind=members):
            return _known(stored, members)
        case Boolean():
            return json_boolean(column)
        case JSON():
            return JsonKept(stored)
        case Integer():
            return JsonNumber(stored)
        case String():
            return JsonText(stored)
    raise TypeError(f"A column of type {kind} has no form in JSON.")


def unless_live(row: Row, attribute: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Returns a value made of the attribute; REREAD while it is that of a message being written."""
    if row.model is not Message or attribute not in _LIVE:
        return value
    status = row.text("status")
    return case((or_(*(status == text(one.value) for one in UNFINISHED)), REREAD_JSON), else_=value)


def _known(stored: ColumnElement[str], members: type[StrEnum]) -> ColumnElement[Any]:
    known = or_(*(stored == text(member.value) for member in members))
    return case((known, quoted(stored)), (stored.is_(None), null()), else_=REREAD_JSON)


def _inside(stored: ColumnElement[str], part: object, types: dict[str, Any]) -> ColumnElement[Any]:
    if isinstance(part, Constant):
        return quoted(text(part.text))
    assert isinstance(part, Column)
    kind, name = _without_none(types[part.attribute]), text(part.attribute)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return or_null(_known(stored.op("->>")(name), kind))
    inside = _INSIDE.get(kind)
    return or_null(stored.op("->")(name)) if inside is None else inside(stored, name)


def _without_none(hint: Any) -> Any:
    """Returns `int` for the annotation `int | None`."""
    return next(one for one in get_args(hint) if one is not NoneType) if isinstance(hint, UnionType) else hint
