"""The statement of one read or several: its text in the words of a database, and how its values are bound."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Dialect, Select, case, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg

from models.readers import Statement as BoundStatement
from services.reads.building import Builder, Form
from services.reads.functions import Answer
from services.reads.literals import TOO_LARGE_JSON, number
from services.reads.projections import Nested

# A root relation, with the forms that the relations in it have.
Root = tuple[Nested, Sequence[Form]]


class Statement(NamedTuple):
    """The text of a statement, and the values in it that are always the same.

    `names`: those of the values in the order of their numbers; None where they are bound by name.
    """

    sql: str
    constants: Mapping[str, Any]
    names: Sequence[str] | None = None

    def bound(self, values: Mapping[str, Any]) -> BoundStatement:
        everything = {**self.constants, **values}
        return self.sql, everything if self.names is None else [everything[name] for name in self.names]


class Language(NamedTuple):
    """How statements are written for a database. `is_joining`: reads of one operation are one statement."""

    dialect: Dialect
    query: Callable[[Sequence[Root], int], Select[Any]]
    is_joining: bool

    def statement(self, roots: Sequence[Root], max_size: int) -> Statement:
        """Returns a statement that gives what each root relation gives, JSON as bytes."""
        made = self.query(roots, max_size).compile(dialect=self.dialect)
        constants = {name: value for name, value in made.params.items() if value is not None}
        return Statement(str(made), constants, made.positiontup)


def _of_sqlite(roots: Sequence[Root], max_size: int) -> Select[Any]:
    # Its connection makes no longer value; see models.sqlite_reader.
    return select(*(Answer(Builder(forms).root(root)) for root, forms in roots))


def _of_postgresql(roots: Sequence[Root], max_size: int) -> Select[Any]:
    """Nothing that is too long crosses the wire. OFFSET keeps the planner from reading everything twice."""
    values, place = [], 0
    for root, forms in roots:
        values.append(Builder(forms, place).root(root).label(f"answer{place}"))
        place += len(forms)
    written = select(*values).offset(number(0)).subquery("written")
    return select(
        *(
            case((func.octet_length(one) > number(max_size), Answer(TOO_LARGE_JSON)), else_=Answer(one))
            for one in written.c
        )
    )


_POSTGRESQL: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]

# With named parameters an owner is bound once, however many tables a statement reads; so it is with numbers.
LANGUAGES = {
    "sqlite": Language(sqlite.dialect(paramstyle="named"), _of_sqlite, is_joining=False),
    "postgresql": Language(_POSTGRESQL, _of_postgresql, is_joining=True),
}
