"""Stores changed rows without SQLAlchemy's unit of work, which costs several times as much."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, bindparam, inspect, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value

from models.compiled import Compiled, primary_key_of
from models.ownership import Owned, OwnershipError, check_owners
from models.sqlite_direct import DirectConnection, direct_of


async def store_changes(session: AsyncSession) -> None:
    """Stores what has changed in the rows of a write's session, as its `flush` would. Raises OwnershipError."""
    direct = direct_of(session)
    if direct is None or session.new or session.deleted:
        await session.flush()
        return
    dirty = sorted(session.dirty, key=lambda row: str(row.__tablename__))
    check_owners(session.sync_session, dirty)
    for row in dirty:
        await _store(direct, session.get_bind().dialect, row)


async def _store(direct: DirectConnection, dialect: Dialect, row: Any) -> None:
    state = inspect(row)
    unmodified = state.unmodified
    changed = [one.key for one in state.mapper.column_attrs if one.key not in unmodified]
    if not changed:
        return
    if not unmodified.issuperset(_keys(state.mapper)):
        raise OwnershipError("The key of a row, and its owner, cannot be changed.")
    compiled = _update(state.mapper, tuple(changed), dialect)
    values = {key: getattr(row, key) for key in changed}
    keys = {key: getattr(row, key) for key in _keys(state.mapper)}
    await direct.change(compiled.sql, [compiled.parameters(_named(values, "new_") | _named(keys, "old_"))])
    for key, value in values.items():
        set_committed_value(row, key, value)


@lru_cache(maxsize=256)
def _update(mapper: Mapper[Any], changed: Sequence[str], dialect: Dialect) -> Compiled:
    columns = {key: mapper.column_attrs[key].columns[0] for key in (*changed, *_keys(mapper))}
    statement = update(mapper.class_.__table__)
    for key in _keys(mapper):
        statement = statement.where(columns[key] == bindparam(f"old_{key}"))
    return Compiled(statement.values({columns[key]: bindparam(f"new_{key}") for key in changed}), dialect)


def _keys(mapper: Mapper[Any]) -> list[str]:
    """Returns what a row is found by: its primary key, and its owner if it has one."""
    owner = ["owner"] if issubclass(mapper.class_, Owned) else []
    return owner + primary_key_of(mapper)


def _named(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {prefix + key: value for key, value in values.items()}
