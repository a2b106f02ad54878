"""Statements that are made once, for what every message pays: a session takes each statement apart anew.

The condition on the owner is part of a prepared statement; the session that executes it says who that is.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Dialect, Executable, Result, Select, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from models.compiled import Compiled
from models.ownership import Owned, owner_of, restricted, stamp
from models.sqlite_direct import direct_of

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_READ_AGAIN = {"populate_existing": True}


def insert_of(session: AsyncSession, model: type[Any]) -> Any:
    """Returns an insert that can say what to do where the row is there already."""
    return _INSERTS[session.get_bind().dialect.name](model)


class Prepared:
    """A statement on owned tables, with a `bindparam` for each of its values."""

    def __init__(self, statement: Executable) -> None:
        self._for_everyone = statement
        self._for_owner = restricted(statement)
        # By whether they are restricted to an owner.
        self._compiled: dict[bool, Compiled] = {}
        self._finds_rows_only = isinstance(statement, Select) and not any(
            one["expr"] is one["entity"] for one in statement.column_descriptions
        )

    async def rows(self, session: AsyncSession, **values: Any) -> Result[*tuple[Any, ...]]:
        """Returns what a select finds; mapped classes as rows of the session, read again."""
        if direct := direct_of(session):
            compiled, given = self.compiled(session.get_bind().dialect, owner_of(session.sync_session), values)
            return compiled.result(await direct.rows(compiled.sql, given), session.sync_session)
        if self._finds_rows_only:
            # A session takes as long as the database to find out that it has nothing to do.
            return await session.run_sync(self._execute, values)
        statement, bound = self._bound(owner_of(session.sync_session), values)
        return await session.execute(statement, bound, execution_options=_READ_AGAIN)

    async def change(self, session: AsyncSession, **values: Any) -> None:
        """Executes an update or a deletion; rows that the session holds stay as they are."""
        if direct := direct_of(session):
            compiled, given = self.compiled(session.get_bind().dialect, owner_of(session.sync_session), values)
            await direct.change(compiled.sql, [given])
        else:
            await session.run_sync(self._execute, values)

    def compiled(
        self, dialect: Dialect, owner: str | None, values: dict[str, Any]
    ) -> tuple[Compiled, tuple[Any, ...]]:
        """Returns the statement for the driver, and its parameters."""
        statement, bound = self._bound(owner, values)
        is_restricted = owner is not None
        if (compiled := self._compiled.get(is_restricted)) is None:
            compiled = self._compiled[is_restricted] = Compiled(statement, dialect)
        return compiled, compiled.parameters(bound)

    def _execute(self, session: Session, values: dict[str, Any]) -> Result[*tuple[Any, ...]]:
        statement, bound = self._bound(owner_of(session), values)
        return session.connection().execute(statement, bound)

    def _bound(self, owner: str | None, values: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if owner is None:
            return self._for_everyone, values
        return self._for_owner, {**values, "of_owner": owner}


class PreparedInsert:
    """An insert of rows that all have the same columns.

    With `key`, a row that is there already with the value in that column stays, but for the columns in `changed`.
    """

    def __init__(self, kind: type[Owned], key: str | None = None, changed: Sequence[str] = ()) -> None:
        table: Any = inspect(kind).local_table
        # Inline: every value is given, so none has to be fetched afterwards.
        self._statements = {name: make(table).inline() for name, make in _INSERTS.items()}
        # By the columns of its rows.
        self._compiled: dict[frozenset[str], Compiled] = {}
        if key is not None:
            for name, statement in self._statements.items():
                self._statements[name] = _keeping(statement, key, changed)

    async def store(self, session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
        """Stores rows, by the names of their columns, and fills their `owner` in. Raises OwnershipError."""
        if owner := owner_of(session.sync_session):
            stamp(rows, owner)
        if direct := direct_of(session):
            compiled = self._compiled_for(session.sync_session, rows[0])
            await direct.change(compiled.sql, [compiled.parameters(row) for row in rows])
        else:
            await session.run_sync(self._store, rows)

    def _compiled_for(self, session: Session, row: dict[str, Any]) -> Compiled:
        columns = frozenset(row)
        if (compiled := self._compiled.get(columns)) is None:
            dialect = session.get_bind().dialect
            compiled = self._compiled[columns] = Compiled(self._statements[dialect.name], dialect, list(row))
        return compiled

    def _store(self, session: Session, rows: Sequence[dict[str, Any]]) -> None:
        connection = session.connection()
        connection.execute(self._statements[connection.dialect.name], rows)


def _keeping(statement: Any, key: str, changed: Sequence[str]) -> Any:
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=[key])
    new = {name: statement.excluded[name] for name in changed}
    return statement.on_conflict_do_update(
        index_elements=[key], set_=new, where=statement.table.c.owner == statement.excluded.owner
    )
