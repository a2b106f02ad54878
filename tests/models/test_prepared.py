"""A prepared statement is bound to the owner of the session it runs in, as any other."""

from typing import Any

import pytest
from sqlalchemy import bindparam, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import (
    LOCAL_OWNER,
    Character,
    Database,
    OwnershipError,
    Prepared,
    PreparedInsert,
    everyone,
    new_key,
)
from tests.support.owners import OTHER_OWNER, rows
from tests.support.statements import a_row

OWNERS = (LOCAL_OWNER, OTHER_OWNER)

other = aliased(Character)
NAMED = Character.name == bindparam("called")
SELECTS = {
    "class": select(Character.owner).where(NAMED),
    "alias": select(other.owner).where(other.name == bindparam("called")),
    "subquery": select(Character.owner).where(Character.id.in_(select(other.id)), NAMED),
    "exists": select(Character.owner).where(exists().where(other.id == Character.id), NAMED),
}
CHANGES = {
    "update": update(Character).where(NAMED).values(description=bindparam("text")),
    "deletion": delete(Character).where(NAMED, bindparam("text") == "new"),
}
STORE = PreparedInsert(Character)


@pytest.fixture
async def of_two(database: Database) -> Database:
    """A database in which two owners have a character of the same name."""
    for owner in OWNERS:
        await database.write(owner, lambda session: STORE.store(session, [a_row(), a_row()]))
    return database


async def found(database: Database, owner: Any, statement: Any) -> list[str]:
    async with database.read(owner) as session:
        return [row[0] for row in await Prepared(statement).rows(session, called="Eve")]


@pytest.mark.parametrize("statement", SELECTS.values(), ids=SELECTS)
async def test_each_owner_is_shown_its_rows_and_everyone_all(statement: Any, of_two: Database) -> None:
    for owner in OWNERS:
        assert await found(of_two, owner, statement) == [owner] * 2
    assert sorted(await found(of_two, everyone(), statement)) == sorted([*OWNERS, *OWNERS])


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
@pytest.mark.sqlite
async def test_a_change_reaches_no_row_of_another_owner(statement: Any, of_two: Database) -> None:
    before, prepared = rows(of_two, LOCAL_OWNER), Prepared(statement)

    async def work(session: AsyncSession) -> None:
        await prepared.change(session, called="Eve", text="new")

    changed = rows(of_two, OTHER_OWNER)
    await of_two.write(OTHER_OWNER, work)
    assert rows(of_two, LOCAL_OWNER) == before
    assert rows(of_two, OTHER_OWNER) != changed
    await of_two.write(everyone(), work)
    assert rows(of_two, LOCAL_OWNER) != before


@pytest.mark.sqlite
async def test_a_row_that_names_another_owner_is_not_stored(of_two: Database) -> None:
    before = rows(of_two)
    with pytest.raises(OwnershipError):
        await of_two.write(LOCAL_OWNER, lambda session: STORE.store(session, [a_row(), a_row(owner=OTHER_OWNER)]))
    assert rows(of_two) == before


def test_the_owner_cannot_be_changed() -> None:
    with pytest.raises(OwnershipError):
        Prepared(update(Character).values(owner=bindparam("somebody")))


async def test_a_row_that_the_session_holds_is_read_again(database: Database) -> None:
    id = new_key("char")
    prepared = Prepared(select(Character).where(Character.id == bindparam("character")))

    async def work(session: AsyncSession) -> tuple[str, str]:
        await STORE.store(session, [a_row(id=id)])
        held = await session.get_one(Character, id)
        await Prepared(update(Character).where(Character.id == bindparam("key")).values(name="Ada")).change(
            session, key=id
        )
        stale = held.name
        [again] = (await prepared.rows(session, character=id)).one()
        assert again is held
        return stale, held.name

    assert await database.write(LOCAL_OWNER, work) == ("Eve", "Ada")
