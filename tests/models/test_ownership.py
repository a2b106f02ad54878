"""A session belongs to one owner: it neither sees nor changes another's rows, whatever the statement."""

import ast
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, event, insert, select, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import (
    LOCAL_OWNER,
    Base,
    Character,
    Conversation,
    Database,
    Message,
    Owned,
    OwnershipError,
    everyone,
)
from models.ownership import OwnedSession, _bind_owner
from services import Services
from services.settings import Settings
from tests.support.bound import recorded, unbound
from tests.support.database import store
from tests.support.owners import (
    OTHER_OWNER,
    OWNED_TABLES,
    PromptEngine,
    World,
    make_full_world,
    make_world,
    rows,
    without_housekeeping,
)
from tests.support.statements import QUERIES, REFUSED, a_character, asked, line, run
from tests.support.tour import Tour

ROOT = Path(__file__).parents[2]
STRANGER = "user_00000000000070008000000000000003"
OWNED = sorted((one.class_ for one in Base.registry.mappers if issubclass(one.class_, Owned)), key=str)
# They belong to the server, or to whom they name.
ACCOUNTS = {"users", "credentials", "identities", "attempts", "usage_days", "audit_events"}
EVERYONE = ("everyone", "Everyone", "_EVERYONE")

# How far a search looks is told by numbers of texts, whoever owns them.
ONLY_NUMBERS = re.compile(
    r"SELECT texts_of_everyone\.number\s+FROM message_texts AS texts_of_everyone\s+(WHERE|ORDER)"
)

on_shared_rows = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def engine() -> PromptEngine:
    return PromptEngine()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Database, World, World]]:
    """A database with rows of two owners that no test changes."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('owned')}/test.db")
    await database.migrate()
    services = without_housekeeping(Settings(_env_file=None, engine="builtin"), database)
    of_a = await make_full_world(services, database, LOCAL_OWNER, "zanzibar")
    of_b = await make_full_world(services, database, OTHER_OWNER, "lisbon")
    yield database, of_a, of_b
    services.writer.grace = 0
    await services.close()
    await database.close()


def test_every_table_with_chats_in_it_is_owned() -> None:
    assert set(Base.metadata.tables) - set(OWNED_TABLES) == {"writers", "text_fillings", *ACCOUNTS}


@on_shared_rows
@pytest.mark.parametrize("kind", OWNED, ids=lambda kind: kind.__name__)
async def test_each_owner_sees_its_rows_and_everyone_sees_all(kind: Any, shared: Any) -> None:
    database, *_ = shared
    for one in (kind, aliased(kind)):
        of_a, of_b, of_nobody, of_all = [
            await asked(database, owner, select(one.owner))
            for owner in (LOCAL_OWNER, OTHER_OWNER, STRANGER, everyone())
        ]
        assert (set(of_a), set(of_b), of_nobody) == ({(LOCAL_OWNER,)}, {(OTHER_OWNER,)}, [])
        assert sorted(of_all) == sorted(of_a + of_b)


@on_shared_rows
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_a_query_finds_nothing_of_another_owner(query: Any, shared: Any) -> None:
    database, *_ = shared
    assert any(any(row) for row in await asked(database, LOCAL_OWNER, query))
    assert not any(any(row) for row in await asked(database, STRANGER, query))


@on_shared_rows
async def test_get_finds_no_row_of_another_owner(shared: Any) -> None:
    database, of_a, of_b = shared
    async with database.read(OTHER_OWNER) as session:
        for kind, name in ((Character, "character"), (Conversation, "quiet"), (Message, "question")):
            assert await session.get(kind, getattr(of_a, name)) is None
            assert await session.get(kind, getattr(of_b, name)) is not None
        with pytest.raises(NoResultFound):
            await session.get_one(Message, of_a.question)


@on_shared_rows
async def test_updates_and_deletions_reach_no_row_of_another_owner(shared: Any) -> None:
    database, of_a, _ = shared
    before, of_quiet = rows(database), Message.conversation_id == of_a.quiet
    for statement in (
        update(Character).values(name="x"),
        update(Conversation).where(Conversation.id == of_a.quiet).values(title="x"),
        update(Message).where(Message.id.in_(select(Message.id).where(of_quiet))).values(content="x"),
        *map(delete, OWNED),
        delete(Message).where(Message.id == of_a.question),
        delete(Message).where(Message.id.in_(select(line().c.id))),
    ):
        assert await run(database, STRANGER, statement) == 0
    assert rows(database) == before


async def test_new_rows_are_stamped(database: Database) -> None:
    await run(database, OTHER_OWNER, insert(Character), [a_character(), a_character(owner=OTHER_OWNER)])
    await store(database, Character(**a_character()), owner=OTHER_OWNER)
    assert await asked(database, everyone(), select(Character.owner)) == [(OTHER_OWNER,)] * 3


@on_shared_rows
@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED)
async def test_a_statement_that_cannot_be_bound_to_an_owner_is_refused(statement: Any, shared: Any) -> None:
    with pytest.raises(OwnershipError):
        await run(shared[0], STRANGER, *statement)


async def _change(session: AsyncSession, row: Character) -> None:
    session.add(row)
    row.name = "x"


async def _give_away(session: AsyncSession, row: Character) -> None:
    own = Character(**a_character())
    session.add(own)
    await session.flush()
    own.owner = row.owner


async def _bulk(session: AsyncSession, row: Character) -> None:
    changed = [{"id": row.id, "name": "x"}]
    await session.run_sync(lambda sync: sync.bulk_update_mappings(Character, changed))


FLUSHED: dict[str, Callable[[AsyncSession, Character], Awaitable[Any]]] = {
    "change": _change,
    "deletion": lambda session, row: session.delete(row),
    "merge": lambda session, row: session.merge(row),
    "gift": _give_away,
    "bulk update": _bulk,
}


@pytest.mark.parametrize("act", FLUSHED.values(), ids=FLUSHED)
@pytest.mark.sqlite
async def test_a_row_of_another_owner_is_not_flushed(act: Any, database: Database) -> None:
    row = Character(**a_character())
    await store(database, row, owner=LOCAL_OWNER)
    before = rows(database)
    with pytest.raises(OwnershipError):
        await database.write(OTHER_OWNER, partial(_acting, act, row))
    with pytest.raises(OwnershipError):
        await store(database, Character(**a_character(owner=LOCAL_OWNER)), owner=OTHER_OWNER)
    assert rows(database) == before


async def _acting(act: Any, row: Character, session: AsyncSession) -> None:
    await act(session, row)


async def test_every_statement_of_the_services_is_bound_to_the_owner(
    services: Services, database: Database, tmp_path: Path
) -> None:
    tour = Tour(services, database, await make_world(services, OTHER_OWNER, "lisbon"))
    with recorded(database) as statements:
        await tour.read()
        await tour.watch()
        await tour.import_and_export(tmp_path)
        await tour.write()
    assert tour.left_out == set()
    assert {one.split()[0] for one in statements} == {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}
    assert [table for table in OWNED_TABLES if not any(table in one for one in statements)] == []
    assert [one for one in statements if unbound(one) and not ONLY_NUMBERS.match(one)] == []


async def test_without_its_listener_the_statements_are_not_bound(services: Services, database: Database) -> None:
    tour = Tour(services, database, await make_world(services, OTHER_OWNER, "lisbon"))
    event.remove(OwnedSession, "do_orm_execute", _bind_owner)
    try:
        with recorded(database) as statements:
            await tour.read()
    finally:
        event.listen(OwnedSession, "do_orm_execute", _bind_owner)
    assert statements
    assert all(unbound(one) for one in statements)


def callers_of_everyone(path: Path) -> set[str]:
    """Returns the functions of a module that name `everyone`, in any way."""
    tree, inside = ast.parse(path.read_text()), {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inside.update(dict.fromkeys(ast.walk(function), function.name))
    named = [node for node in ast.walk(tree) if getattr(node, "id", getattr(node, "attr", "")) in EVERYONE]
    return {f"{path.relative_to(ROOT)}:{inside.get(node, 'the module')}" for node in named}


def test_only_tasks_of_the_system_see_everyones_rows() -> None:
    folders = [ROOT / layer for layer in ("models", "services", "resolvers", "schema")]
    sources = [ROOT / "app.py", *(path for folder in folders for path in folder.rglob("*.py"))]
    callers = set().union(*(callers_of_everyone(path) for path in sources if path.name != "ownership.py"))
    assert callers == {
        "models/copying.py:copy",
        "models/database.py:migrate",
        "services/access/accounts.py:read",
        "services/access/accounts.py:write",
        "services/housekeeping.py:expire_keys",
        "services/housekeeping.py:finish_deletions",
        "services/replies/checkpoints.py:store",
        "services/replies/recovery.py:_bury_dead_writers",
        "services/replies/recovery.py:_end",
        "services/replies/recovery.py:end_abandoned",
        "services/replies/writer.py:_give_lease_up",
        "services/search/filling.py:fill_all",
        "services/streaming/readers.py:_versions",
    }
