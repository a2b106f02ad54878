"""Columns as JSON: the value that each type of column has in an answer, as a text that SQLite writes.

The text is put together by format strings and not by json_object, which would nest: SQLite's parser bears about a
dozen functions inside each other. Where the database cannot be sure of a value it writes REREAD in its place, and
the whole answer is read by rows.
"""

import secrets
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
    and_,
    case,
    func,
    literal_column,
    null,
    or_,
    type_coerce,
)

from models import UNFINISHED, Message
from models.base import Choice, Key, Moment, Record
from services.reads.projections import Column, Constant, Parts

# Random, so that nobody can write a message that contains it.
REREAD = f"reread-{secrets.token_hex(12)}"
REREAD_JSON: ColumnElement[str] = literal_column(f"'\"{REREAD}\"'", String)
# Stands for JSON that is longer than the database may write: printf is NULL then, without an error.
TOO_LARGE = f"{REREAD}-too-large"
_TOO_LARGE_JSON: ColumnElement[str] = literal_column(f"'\"{TOO_LARGE}\"'", String)

# What a message that is being written does not show as it is stored; see services.messages.
_LIVE = ("content", "status", "finish_reason", "failure")

# The greatest number of GraphQL's Int. Its lowest is one less than the negative of it.
_MAX_INT = 2**31 - 1


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


def text(constant: str) -> ColumnElement[str]:
    """Returns a literal text: of our own, or a name that GraphQL allows."""
    assert "'" not in constant
    return literal_column(f"'{constant}'", String)


def number(constant: int) -> ColumnElement[int]:
    return literal_column(str(constant), Integer)


def json_object(pairs: Iterable[tuple[str, ColumnElement[Any]]]) -> ColumnElement[str]:
    """Returns an object of values that are JSON texts and never NULL."""
    named = list(pairs)
    template = ",".join(f'"{key}":%s' for key, _ in named)
    return _written(text(f"{{{template}}}"), *(value for _, value in named))


def json_list(values: ColumnElement[Any]) -> ColumnElement[str]:
    """Returns a list of what group_concat gives: NULL without rows, and %s makes it empty."""
    return _written(text("[%s]"), values)


def _written(template: ColumnElement[str], *values: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(func.printf(template, *values), _TOO_LARGE_JSON)


def json_boolean(condition: ColumnElement[bool]) -> ColumnElement[str]:
    return case((condition, text("true")), else_=text("false"))


def or_null(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(value, text("null"))


def quoted(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Returns a text that needs no escapes in quotation marks; NULL stays NULL."""
    return text('"').op("||")(value).op("||")(text('"'))


def short_id_of(row: Row) -> ColumnElement[str]:
    """Returns what services.paging.short_id does."""
    return func.substr(row.text("id"), number(17))


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
    record: ColumnElement[Any] = json_object((key, _inside(stored, part, types)) for key, part in parts)
    if column.nullable:
        record = case((stored.is_(None), text("null")), else_=record)
    return unless_live(row, attribute, record)


def _value(kind: Any, column: ColumnElement[Any], stored: ColumnElement[str]) -> ColumnElement[Any]:
    match kind:
        case Key(prefix=prefix):
            return text(f'"{prefix}_').op("||")(stored).op("||")(text('"'))
        case Moment():
            # Milliseconds are cut, not rounded, as the DateTime scalar does it.
            moment = func.replace(func.substr(stored, number(1), number(23)), text(" "), text("T"))
            return text('"').op("||")(moment).op("||")(text('Z"'))
        case Choice(kind=members):
            return _known(stored, members)
        case Boolean():
            return json_boolean(column)
        case JSON():
            return func.json(stored)
        case Integer():
            return stored
        case String():
            return func.json_quote(stored)
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
    kind = _without_none(types[part.attribute])
    # As text a number loses digits, 0.30000000000000004 becomes 0.3; as JSON it stays as it is stored.
    as_text, as_json = (stored.op(arrow)(text(part.attribute)) for arrow in ("->>", "->"))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return or_null(_known(as_text, kind))
    if kind not in (int, float, str):
        return or_null(as_json)
    given = func.typeof(as_text)
    whens = [(given == text("null"), text("null"))]
    if kind is str:
        whens.append((given == text("text"), as_json))
    if kind is float:
        whens += [(given == text("real"), as_json), (given == text("integer"), as_text.op("||")(text(".0")))]
    if kind is int:
        fits = as_text.between(number(-_MAX_INT - 1), number(_MAX_INT))
        whens.append((and_(given == text("integer"), fits), as_json))
    return case(*whens, else_=REREAD_JSON)


def _without_none(hint: Any) -> Any:
    """Returns `int` for the annotation `int | None`."""
    return next(one for one in get_args(hint) if one is not NoneType) if isinstance(hint, UnionType) else hint
