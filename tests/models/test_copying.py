"""Copying a database: a file into the kind of database that is tested, and back."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Column, String, Table, Text, select, text

from models import LOCAL_OWNER, Base, Character, Database, Message, MessageText, Status, everyone, new_key
from models.copying import CopiedTable, CopyError, copy
from services import Services
from services.paging import page_arguments
from services.settings import Settings
from tests.conftest import opened
from tests.support.copies import contents, make_odd_world, url_of
from tests.support.database import execute, store
from tests.support.makers import TestEngine, make_history
from tests.support.owners import World


@contextmanager
def silent(label: str, size: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


async def copied(source: str, target: str) -> list[CopiedTable]:
    databases = Database(source), Database(target)
    try:
        return await copy(*databases, silent)
    finally:
        for database in databases:
            await database.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "source.db"


@pytest.fixture
async def world(path: Path) -> World:
    return await make_odd_world(path)


@asynccontextmanager
async def served(url: str) -> AsyncIterator[tuple[Services, Database]]:
    settings = Settings(_env_file=None, database_url=url, engine="builtin")
    database = Database(url)
    try:
        async with opened(settings, database, TestEngine()) as services:
            yield services, database
    finally:
        await database.close()


async def test_everything_comes_over_and_back_as_it_was(
    world: World, path: Path, database_url: str, tmp_path: Path
) -> None:
    before = contents(path)
    back = tmp_path / "new folder" / "back.db"
    assert await copied(url_of(path), database_url) == await copied(database_url, url_of(back))
    assert contents(back) == contents(path) == before
    assert [name for name, rows in before.items() if not rows] == []


async def test_the_copy_can_be_used_as_the_source_could(world: World, path: Path, database_url: str) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE writers SET alive_until = '2026-01-01 00:00:00.000000'")
    await copied(url_of(path), database_url)
    async with served(database_url) as (services, database):
        # What a killed process was writing is ended here too.
        [running] = await services.messages.by_ids(LOCAL_OWNER, [world.running])
        assert running is not None
        assert running.message.status is Status.INTERRUPTED
        found = await services.search.messages(LOCAL_OWNER, "zanzibar", None, None, page_arguments())
        assert {one.message_id for one in found.found} >= {world.question}
        await make_history(services, "One more", "And another")
        async with database.read(everyone()) as session:
            numbers = list(await session.scalars(select(MessageText.number).order_by(MessageText.number)))
        assert numbers == sorted(set(numbers))
        newest = await services.search.messages(LOCAL_OWNER, "another", None, None, page_arguments())
        assert newest.found[0].number == numbers[-1]


async def test_indexes_and_foreign_keys_are_there_again(world: World, path: Path, database_url: str) -> None:
    database = Database(database_url)
    await database.migrate()
    declared = await declarations(database)
    assert len(declared) > 20
    await copied(url_of(path), database_url)
    assert await declarations(database) == declared
    await database.close()


async def declarations(database: Database) -> set[str]:
    if database.url.get_backend_name() == "sqlite":
        return {str(one) for one in contents(Path(str(database.url.database)))["declarations"]}
    constraints = "SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
    async with database.read(everyone()) as session:
        connection = await session.connection()
        return {str(one) for query in (constraints, indexes) for one in await connection.scalars(text(query))}


async def test_a_target_that_is_not_empty_is_left_alone(world: World, path: Path, database_url: str) -> None:
    database = Database(database_url)
    await database.migrate()
    await store(database, Character(name="Ada", name_folded="ada"), owner=LOCAL_OWNER)
    with pytest.raises(CopyError, match="The target is not empty: its table characters has rows"):
        await copied(url_of(path), database_url)
    assert await count(database, Character) == 1
    await database.close()


async def count(database: Database, kind: type[Base]) -> int:
    async with database.read(everyone()) as session:
        return len((await session.scalars(select(kind))).all())


async def test_rows_that_do_not_fit_together_are_not_copied_at_all(
    world: World, path: Path, database_url: str
) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE messages SET parent_id = ? WHERE parent_id IS NOT NULL", ("f" * 32,))
    with pytest.raises(CopyError, match="do not fit together"):
        await copied(url_of(path), database_url)
    await assert_is_empty(database_url)


async def assert_is_empty(url: str) -> None:
    """As before the first start: the same copy succeeds when its reason to fail is gone."""
    database = Database(url)
    await database.migrate()
    assert [await count(database, kind) for kind in (Character, Message)] == [0, 0]
    await database.close()


async def test_a_table_that_is_added_later_is_copied_too(path: Path, database_url: str, tmp_path: Path) -> None:
    table = Table("later", Base.metadata, Column("name", String, primary_key=True), Column("data", Text))
    try:
        for url in (url_of(path), database_url, url_of(tmp_path / "back.db")):
            database = Database(url)
            await database.migrate()
            await database.write(everyone(), make_table)
            await database.close()
        source = Database(url_of(path))
        await execute(source, table.insert().values(name=new_key("x"), data="é"))
        await source.close()
        await copied(url_of(path), database_url)
        await copied(database_url, url_of(tmp_path / "back.db"))
        assert contents(tmp_path / "back.db")["later"] == contents(path)["later"] != []
    finally:
        Base.metadata.remove(table)


async def make_table(session) -> None:
    await session.execute(text("CREATE TABLE later (name VARCHAR PRIMARY KEY, data TEXT)"))


@pytest.mark.sqlite
async def test_a_value_that_arrives_as_another_one_is_noticed(world: World, path: Path, database_url: str) -> None:
    database = Database(database_url)
    await database.migrate()
    await execute(
        database,
        text(
            "CREATE TRIGGER spoil AFTER INSERT ON messages WHEN new.position = 1 BEGIN "
            "UPDATE messages SET content = content || ' ' WHERE id = new.id; END"
        ),
    )
    with pytest.raises(CopyError, match="The rows of the table messages are not the same"):
        await copied(url_of(path), database_url)
    assert await count(database, Message) == 0
    await database.close()


@pytest.mark.postgresql
async def test_a_text_that_postgresql_cannot_keep_is_named(world: World, path: Path, database_url: str) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE messages SET content = char(97, 0) WHERE id = ?", (world.question[4:],))
    with pytest.raises(CopyError, match=f"The content of {world.question} in the table messages has a NUL"):
        await copied(url_of(path), database_url)
    await assert_is_empty(database_url)


@pytest.mark.parametrize(
    ("revision", "said"),
    [("0004", "run `app.py migrate`"), ("9999", "written by a newer version"), (None, "no tables")],
)
async def test_a_source_of_another_version_is_refused(
    revision: str | None, said: str, path: Path, database_url: str
) -> None:
    source = Database(url_of(path))
    if revision is not None:
        await source.migrate()
        await execute(source, text("UPDATE alembic_version SET version_num = :is").bindparams(**{"is": revision}))
    await source.close()
    with pytest.raises(CopyError, match=said):
        await copied(url_of(path), database_url)
