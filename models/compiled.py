"""Statements compiled once: their text, how the driver takes their values, and what is made of its rows.

SQLAlchemy compiles a statement once, too, but what it does around each execution takes several times what SQLite
needs for a row. The values are converted here by the same processors of its types. The columns of a result are a
private member of its compiler, so its minor version is pinned.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Column, Dialect, Executable, Select
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.orm import Mapper, Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any]
Row = Sequence[Any]
# Makes one value of a result from a row of the driver.
Make = Callable[[Session | None, Row], Any]


class Compiled:
    """A statement with positional parameters. `columns`: the keys of an insert's rows."""

    def __init__(self, statement: Executable, dialect: Dialect, columns: Sequence[str] | None = None) -> None:
        made = cast(SQLCompiler, statement.compile(dialect=dialect, column_keys=columns))  # type: ignore[attr-defined]
        self.sql = str(made)
        defaults = _defaults(made)
        self._values = [_value(made, name, dialect, defaults.get(name)) for name in made.positiontup or ()]
        self._elements = _elements(statement, made, dialect) if isinstance(statement, Select) else []
        self._metadata = SimpleResultMetaData([name for name, _ in self._elements])

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([value(values) for value in self._values])

    def result(self, rows: Iterable[Row], session: Session | None = None) -> IteratorResult[Any]:
        """Returns the driver's rows as SQLAlchemy would; those of mapped classes belong to the session, if any."""
        makes = [make for _, make in self._elements]
        return IteratorResult(
            self._metadata, iter([tuple([make(session, row) for make in makes]) for row in rows])
        )


def _value(
    made: SQLCompiler, name: str, dialect: Dialect, default: Callable[[], Any] | None
) -> Callable[[Mapping[str, Any]], Any]:
    """Returns what gives the driver a parameter's value: one of the caller's, or a constant of the statement."""
    bind = made.binds[name]
    if bind.expanding or bind.literal_execute:
        raise TypeError(f'"{name}" is a list, or written into the statement: prepare one without it.')
    convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
    if default is not None:
        return (lambda _: default()) if convert is None else lambda _: convert(default())
    if bind.required or made.isinsert:
        return itemgetter(name) if convert is None else lambda values: convert(values[name])
    constant = bind.effective_value if convert is None else convert(bind.effective_value)
    return lambda _: constant


def _defaults(made: SQLCompiler) -> dict[str, Callable[[], Any]]:
    """Returns what makes the values of columns that a row does not have, by the names of their parameters."""
    found: dict[str, Callable[[], Any]] = {}
    for column in (*made.insert_prefetch, *made.update_prefetch):
        default: Any = column.default if made.isinsert else column.onupdate
        if default.is_scalar:
            found[column.key] = partial(lambda value: value, default.arg)
        elif default.is_callable:
            # SQLAlchemy would give it the context of an execution, which none of ours looks at.
            found[column.key] = partial(default.arg, None)
        else:
            raise TypeError(f"The default of {column} is made by the database.")
    return found


def _elements(statement: Select[Any], made: SQLCompiler, dialect: Dialect) -> list[tuple[str, Make]]:
    found, place = [], 0
    for described in statement.column_descriptions:
        columns = made._result_columns[place:]
        if described["expr"] is described["entity"]:
            mapper = cast("Mapper[Any]", described["entity"].__mapper__)
            columns = columns[: len(mapper.column_attrs)]
            found.append((described["name"], _entity(mapper, columns, place, dialect)))
        else:
            columns = columns[:1]
            found.append((described["name"], _column(columns[0].type, place, dialect)))
        place += len(columns)
    return found


def _column(type: TypeEngine[Any], place: int, dialect: Dialect) -> Make:
    convert = _converter(type, dialect)
    if convert is None:
        return lambda _, row: row[place]
    return lambda _, row: convert(row[place])


def _converter(type: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return type.dialect_impl(dialect).result_processor(dialect, None)


def primary_key_of(mapper: Mapper[Any]) -> list[str]:
    """Returns the names of the attributes that are the primary key."""
    return [mapper.get_property_by_column(one).key for one in mapper.primary_key]


def _column_in(objects: Sequence[Any]) -> Column[Any]:
    """Returns the column of a result's column, which has a label where two have the same name."""
    return next(one for one in objects if isinstance(one, Column))


def _entity(mapper: Mapper[Any], columns: Sequence[Any], place: int, dialect: Dialect) -> Make:
    """Makes a row of a mapped class, without one None. A row that the session holds is read again."""
    keys = [mapper.get_property_by_column(_column_in(one.objects)).key for one in columns]
    converts = [_converter(column.type, dialect) for column in columns]
    end, primary = place + len(keys), primary_key_of(mapper)
    at = place + keys.index(primary[0])

    def make(session: Session | None, row: Row) -> Any:
        if row[at] is None:
            return None
        read = zip(keys, converts, row[place:end], strict=True)
        values = {key: value if convert is None else convert(value) for key, convert, value in read}
        identity = mapper.identity_key_from_primary_key(tuple([values[key] for key in primary]))
        if session and (held := session.identity_map.get(identity)) is not None:
            for key, value in values.items():
                set_committed_value(held, key, value)
            return held
        made = mapper.class_manager.new_instance()
        made.__dict__.update(values)
        make_transient_to_detached(made)
        if session:
            session.add(made)
        return made

    return make
