"""Functions of plain reads that each database writes in its own words: its JSON, its moments, its lists.

SQLite keeps an id as 32 digits, a moment as a text and JSON as a text; PostgreSQL has types for all of them.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    TIMESTAMP,
    BigInteger,
    ColumnElement,
    Function,
    Integer,
    LargeBinary,
    String,
    Text,
    and_,
    case,
    cast,
    func,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from models.base import Key, Moment
from services.excerpts import LOOKS_AT
from services.reads.literals import REREAD, REREAD_JSON, TOO_LARGE_JSON, number, quoted, text

# What SQLite calls services.excerpts.excerpt.
EXCERPT_FUNCTION = "excerpt"
# Stands before what an excerpt is made of, where the database cannot make it.
EXCERPT = REREAD.replace("reread", "excerpt")

# The greatest number of GraphQL's Int. Its lowest is one less than the negative of it.
_MAX_INT = 2**31 - 1

_Value = ColumnElement[Any]


class DatabaseFunction(FunctionElement[Any]):
    """Has a method for each database, named like SQLAlchemy's dialect of it, that gives the expression in it."""

    type = String()
    inherit_cache = True

    def sqlite(self, *arguments: Any) -> _Value:
        raise NotImplementedError

    def postgresql(self, *arguments: Any) -> _Value:
        raise NotImplementedError


@compiles(DatabaseFunction)
def _written(element: DatabaseFunction, compiler: Any, **options: Any) -> str:
    write = getattr(element, compiler.dialect.name)
    return str(compiler.process(write(*element.clauses), **options))


class Filled(DatabaseFunction):
    """A template with a value for each %s; NULL is empty."""

    def sqlite(self, *arguments: Any) -> _Value:
        # Of what is too long printf makes NULL, without an error.
        return func.coalesce(func.printf(*arguments), TOO_LARGE_JSON)

    def postgresql(self, *arguments: Any) -> _Value:
        return func.format(*arguments)


class Joined(DatabaseFunction):
    """The texts of all rows, in their order, with commas between them."""

    def sqlite(self, value: _Value) -> _Value:
        return func.group_concat(value)

    def postgresql(self, value: _Value) -> _Value:
        return func.string_agg(value, text(","))


class Answer(DatabaseFunction):
    """A text as bytes, which need neither decoding nor encoding."""

    def sqlite(self, value: _Value) -> _Value:
        return cast(value, LargeBinary)

    def postgresql(self, value: _Value) -> _Value:
        return func.convert_to(value, text("UTF8"))


class Digits(DatabaseFunction):
    """The 32 digits of an id."""

    def sqlite(self, id: _Value) -> _Value:
        return id

    def postgresql(self, id: _Value) -> _Value:
        return func.encode(func.uuid_send(id), text("hex"))


class JsonNumber(DatabaseFunction):
    """An integer as JSON."""

    def sqlite(self, value: _Value) -> _Value:
        return value

    def postgresql(self, value: _Value) -> _Value:
        return cast(value, Text)


class JsonText(DatabaseFunction):
    """A text as JSON."""

    def sqlite(self, value: _Value) -> _Value:
        return func.json_quote(value)

    def postgresql(self, value: _Value) -> _Value:
        return cast(func.to_json(value), Text)


class JsonMoment(DatabaseFunction):
    """A moment as JSON. Milliseconds are cut, not rounded, as the DateTime scalar does it."""

    def sqlite(self, moment: _Value) -> _Value:
        written = func.replace(func.substr(moment, number(1), number(23)), text(" "), text("T"))
        return text('"').op("||")(written).op("||")(text('Z"'))

    def postgresql(self, moment: _Value) -> _Value:
        return quoted(func.to_char(_utc(moment), text('YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))


class JsonKept(DatabaseFunction):
    """A column of JSON as it is stored."""

    def sqlite(self, value: _Value) -> _Value:
        return func.json(value)

    def postgresql(self, value: _Value) -> _Value:
        # Ours has no white space; with lines of its own an answer could not be sent as an event.
        kept = cast(value, Text)
        return case((kept.op("~")(text(r"[\n\r]")), REREAD_JSON), else_=kept)


class FirstItem(DatabaseFunction):
    """The first item of a JSON list as JSON; NULL when the list is empty."""

    def sqlite(self, items: _Value) -> _Value:
        return items.op("->")(text("$[0]"))

    def postgresql(self, items: _Value) -> _Value:
        return _as_text(cast(items, JSON), number(0))


class LastItem(DatabaseFunction):
    """The last item of a JSON list as JSON; NULL when the list is empty."""

    def sqlite(self, items: _Value) -> _Value:
        return items.op("->")(text("$[#-1]"))

    def postgresql(self, items: _Value) -> _Value:
        return _as_text(cast(items, JSON), number(-1))


class Readable(DatabaseFunction):
    """What is made of parts of a record, if the database can take the record apart."""

    def sqlite(self, made: _Value, record: _Value) -> _Value:
        return made

    def postgresql(self, made: _Value, record: _Value) -> _Value:
        # It keeps a NUL that is escaped in JSON, but fails wherever it would have to be unescaped.
        has_nul = func.strpos(cast(record, Text), text(r"\u0000")) > number(0)
        return case((has_nul, REREAD_JSON), else_=made)


class TextInside(DatabaseFunction):
    """A text in a record as JSON."""

    def sqlite(self, record: _Value, name: _Value) -> _Value:
        kind = func.typeof(_member(record, name, "->>"))
        found = (kind == text("text"), _member(record, name))
        return case((kind == text("null"), text("null")), found, else_=REREAD_JSON)

    def postgresql(self, record: _Value, name: _Value) -> _Value:
        kind = func.coalesce(func.json_typeof(_member(record, name)), text("null"))
        found = (kind == text("string"), _as_text(record, name))
        return case((kind == text("null"), text("null")), found, else_=REREAD_JSON)


class FloatInside(DatabaseFunction):
    """A floating-point number in a record as JSON.

    As text SQLite's loses digits, 0.30000000000000004 becomes 0.3; as JSON it stays as it is stored.
    """

    def sqlite(self, record: _Value, name: _Value) -> _Value:
        value = _member(record, name, "->>")
        kind = func.typeof(value)
        whole = (kind == text("integer"), value.op("||")(text(".0")))
        real = (kind == text("real"), _member(record, name))
        return case((kind == text("null"), text("null")), real, whole, else_=REREAD_JSON)

    def postgresql(self, record: _Value, name: _Value) -> _Value:
        value = func.coalesce(_as_text(record, name), text("null"))
        whole = (value.op("~")(text("^-?[0-9]{1,15}$")), value.op("||")(text(".0")))
        real = (value.op("~")(text("^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$")), value)
        return case((value == text("null"), value), whole, real, else_=REREAD_JSON)


class IntInside(DatabaseFunction):
    """An integer in a record as JSON."""

    def sqlite(self, record: _Value, name: _Value) -> _Value:
        value = _member(record, name, "->>")
        kind = func.typeof(value)
        fits = and_(kind == text("integer"), value.between(number(-_MAX_INT - 1), number(_MAX_INT)))
        return case((kind == text("null"), text("null")), (fits, _member(record, name)), else_=REREAD_JSON)

    def postgresql(self, record: _Value, name: _Value) -> _Value:
        value = func.coalesce(_as_text(record, name), text("null"))
        fits = cast(value, BigInteger).between(number(-_MAX_INT - 1), number(_MAX_INT))
        # In a CASE of its own: what has more digits cannot be cast.
        whole = (value.op("~")(text("^-?[0-9]{1,10}$")), case((fits, value), else_=REREAD_JSON))
        return case((value == text("null"), value), whole, else_=REREAD_JSON)


class Cursor(DatabaseFunction):
    """See services.paging.Order.cursor: the tag, the parent and the sort key of a row."""

    def sqlite(self, *values: Any) -> _Value:
        return func.lower(func.hex(func.json_array(*values)))

    def postgresql(self, *values: Any) -> _Value:
        template = text(f"[{','.join(['%s'] * len(values))}]")
        packed = func.format(template, *(_key_json(value) for value in values))
        return func.encode(func.convert_to(packed, text("UTF8")), text("hex"))


class KeyMoment(DatabaseFunction):
    """A moment that a cursor has brought, to compare a column with."""

    def sqlite(self, moment: _Value) -> _Value:
        return moment

    def postgresql(self, moment: _Value) -> _Value:
        return _utc(cast(moment, TIMESTAMP))


class JsonExcerpt(DatabaseFunction):
    """The beginning of a text as JSON; in PostgreSQL what services.reads.excerpts makes it of."""

    def sqlite(self, content: _Value, length: _Value) -> _Value:
        return func.json_quote(Function(EXCERPT_FUNCTION, content, length, type_=String))

    def postgresql(self, content: _Value, length: _Value) -> _Value:
        beginning = func.left(content, length * number(LOOKS_AT) + number(1))
        return func.format(text(f'["{EXCERPT}",%s,%s]'), length, func.to_json(beginning))


def _utc(moment: _Value) -> _Value:
    """Turns a moment into its date and time in UTC, and such a date and time into a moment."""
    return func.timezone(text("UTC"), moment)


def _member(record: _Value, name: _Value, arrow: str = "->") -> _Value:
    return record.op(arrow)(name)


def _as_text(record: _Value, name: _Value) -> _Value:
    return cast(_member(record, name), Text)


def _key_json(value: _Value) -> _Value:
    match value.type:
        case Key():
            return quoted(Digits(value))
        case Moment():
            return quoted(func.to_char(_utc(value), text("YYYY-MM-DD HH24:MI:SS.US")))
        case Integer():
            return value
    return func.to_json(cast(value, Text))
