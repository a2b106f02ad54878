"""Building the one statement of a read, from its projections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, func
from sqlalchemy.types import TypeEngine

from models.base import Key, Moment
from models.ownership import table_of
from services.reads.columns import Row, columns_for, json_object, record_of, value_name, value_of
from services.reads.functions import KeyMoment
from services.reads.literals import REREAD_JSON, quoted, text
from services.reads.projections import Column, Constant, Inside, Nested, Part, Projection

_OWNER = Key("user")


@dataclass(frozen=True)
class Form:
    """What of a relation's arguments decides the text of the statement; sizes, ids and cursors are bound."""

    order: str = ""
    backward: bool = False
    after: bool = False
    before: bool = False
    filtered: bool = False


@dataclass(frozen=True)
class Asked:
    """The arguments of one relation: the form they need, and the values that are bound when it runs."""

    form: Form = Form()
    values: Mapping[str, Any] = field(default_factory=dict)


class Builder:
    """`first_place`: how many relations the reads before this one have in the same statement."""

    def __init__(self, forms: Sequence[Form], first_place: int = 0) -> None:
        self._forms = forms
        self._first_place = first_place

    def form(self, nested: Nested) -> Form:
        return self._forms[nested.place]

    def parameter(self, nested: Nested, name: str, type: TypeEngine[Any] | None = None) -> ColumnElement[Any]:
        """Returns a value of Asked.values, to be compared with a column of the type; else a text."""
        kind = String() if type is None or isinstance(type, Moment) else type
        value = bindparam(parameter_name(self._first_place + nested.place, name), type_=kind)
        return KeyMoment(value) if isinstance(type, Moment) else value

    def root(self, nested: Nested) -> ColumnElement[Any]:
        return self._present(nested, nested.relation.expression(self, None, nested))

    def object(self, row: Row, projection: Projection) -> ColumnElement[Any]:
        """Returns the row as JSON."""
        return json_object((key, self._part(row, part)) for key, part in projection.parts)

    def table(
        self, model: type[Any], nested: Nested, within: Row | None = None
    ) -> tuple[Row, ColumnElement[bool]]:
        """Returns a table, and the condition for its owner's rows; see models.ownership.table_of.

        Every table of a statement comes from here, because the driver goes past the session that would bind it.
        """
        name = f"{model.__tablename__[0]}{nested.place}"
        owner = bindparam("owner", type_=_OWNER)
        table, condition = table_of(model, name, owner, within is not None)
        return Row(model, table), condition

    def rows(self, query: Select[Any], row: Row, projections: Sequence[Projection], name: str, *more: str) -> Row:
        """Returns the query's rows with what the projections want of each, and with `more` attributes.

        Other columns would cost a third of the time. What belongs to a row is read here and not where it is used:
        so SQLite's parser bears more levels.
        """
        wanted = {attribute for projection in projections for attribute in projection.attributes}
        columns = [row.source.c[column] for column in columns_for(row.model, {*wanted, *more})]
        nested = [part for projection in projections for part in projection.nested]
        values = [one.relation.expression(self, row, one).label(value_name(one.place)) for one in nested]
        found = query.with_only_columns(*columns, *values).subquery(name)
        return Row(row.model, found, (one.place for one in nested))

    def _part(self, row: Row, part: Part) -> ColumnElement[Any]:
        match part:
            case Constant(text=constant):
                return quoted(text(constant))
            case Column(attribute=attribute):
                return value_of(row, attribute)
            case Inside(attribute=attribute, parts=parts):
                return record_of(row, attribute, parts)
            case Nested():
                made = row.value(part.place)
                return self._present(part, part.relation.expression(self, row, part) if made is None else made)
        raise TypeError(f"A row has no {type(part).__name__}.")

    def _present(self, nested: Nested, value: ColumnElement[Any]) -> ColumnElement[Any]:
        """The rows path reports an object that must be there and is not."""
        return func.coalesce(value, REREAD_JSON if nested.required else text("null"))


def correlated(query: Select[Any], row: Row | None) -> ColumnElement[Any]:
    """Returns the one value of a query that refers to the row around it."""
    return below(query, row).scalar_subquery()


def below(query: Select[Any], row: Row | None) -> Select[Any]:
    """Lets a query refer to the row around it.

    Without saying so, SQLAlchemy would read the row's table once more inside, and find rows of others.
    """
    return query.correlate(*([] if row is None else [row.source]))


def parameter_name(place: int, name: str) -> str:
    return f"a{place}_{name}"
