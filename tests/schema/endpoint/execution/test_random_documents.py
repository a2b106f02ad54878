"""Random documents: the database writes the JSON that the resolvers give, whoever asks and while replies run."""

import json
import os
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from graphql import FieldNode, Visitor, parse, visit

from models import LOCAL_OWNER, Database
from schema import schema
from schema.endpoint import wire
from schema.endpoint.errors import RequestError
from schema.endpoint.execution.operations import PlainQuery
from services import Services
from services.settings import Settings
from tests.support.makers import make_character, make_history
from tests.support.odd_rows import make_odd
from tests.support.owners import OTHER_OWNER, World, make_world, without_housekeeping
from tests.support.plain_reads import Asking
from tests.support.random_documents import Documents, Known

# Documents and seed of one run; by night REPARTEE_TEST_DOCUMENTS=20000, with another seed.
DOCUMENTS = int(os.environ.get("REPARTEE_TEST_DOCUMENTS", "300"))
SEED = int(os.environ.get("REPARTEE_TEST_SEED", "0"))


@pytest.fixture
async def services(settings: Settings, database: Database) -> AsyncIterator[Services]:
    services = without_housekeeping(settings, database)
    yield services
    services.writer.grace = 0
    await services.close()


@pytest.fixture
async def worlds(services: Services, database: Database) -> list[World]:
    worlds = [
        await make_world(services, owner, word) for owner, word in ((LOCAL_OWNER, "red"), (OTHER_OWNER, "blue"))
    ]
    for name in ("Ada", "Bob"):
        character = await make_character(services, name, alternate_greetings=["One", "Two"], greeting="Zero")
        for length in (0, 1, 7):
            conversation = await make_history(services, *"abcdefg"[:length], character=character)
            await services.conversations.fork(LOCAL_OWNER, conversation.id)
    await make_odd(database, SEED)
    return worlds


async def known(asking: Asking, world: World, other: World) -> Known:
    """Return what documents can name: things of the owner, of another one, and cursors of its lists."""
    query = """{ charactersConnection { edges { cursor } nodes { id conversationsConnection { edges { cursor }
        nodes { id messagesConnection(includeInactive: true) { edges { cursor } nodes { id } }
        path: messagesConnection { edges { cursor } } } } } } }"""
    _, found = await asking.both(query)
    ids = [*re.findall(r'"id": "([a-z0-9_]+)"', found), *world.ids, *other.ids[:2]]
    cursors = [*re.findall(r'"cursor": "([0-9a-f]+)"', found), "", "5b22", "x"]
    return Known(
        {prefix: [id for id in ids if id.startswith(prefix)] for prefix in ("char", "conv", "msg")}, cursors
    )


# When a field fails, graphql-core drops the coroutines of its siblings.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("asks", [0, 1], ids=["owner", "other owner"])
async def test_random_documents_have_one_answer(
    services: Services, worlds: list[World], asks: int, record_property: Callable[[str, object], None]
) -> None:
    asking = Asking(services, worlds[asks].owner)
    documents = Documents(
        schema._schema, await known(asking, worlds[asks], worlds[1 - asks]), seed=SEED * 2 + asks
    )
    compared = plans = 0
    while compared < DOCUMENTS:
        query, variables = documents.next()
        try:
            plain = await asking.plain(query, variables)
        except RequestError:
            # Of one document in many the result could be too large.
            continue
        answer, by_rows = await asking.both(query, variables)
        assert answer == by_rows, query
        if plain is not None:
            assert json.dumps({"data": plain, "errors": []}) == by_rows, query
        compared += 1
        plans += plain is not None
    record_property("compared", compared)
    record_property("answered by the database", plans)
    assert plans >= 0.6 * compared


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_no_answer_has_more_values_than_its_document_costs(
    services: Services, worlds: list[World], record_property: Callable[[str, object], None]
) -> None:
    asking = Asking(services, LOCAL_OWNER)
    documents = Documents(schema._schema, await known(asking, *worlds), seed=SEED + 1_000_000)
    ratios = []
    for _ in range(DOCUMENTS):
        query, variables = documents.next()
        try:
            operation = asking.prepared(query, variables)
        except RequestError:
            continue
        context = operation.context if isinstance(operation, PlainQuery) else operation.executor.context_value
        data = json.loads(wire.encode(await operation.result()))["data"]
        actual = values(data, names(query)) - 1 if data else 0
        assert actual <= context.budget.known, query
        ratios.append(actual / context.budget.known)
    record_property("documents", len(ratios))
    record_property("greatest ratio of values to cost", max(ratios))
    assert max(ratios) > 0.5


JSON_FIELDS = ("metadata", "chatHistory")


def names(query: str) -> dict[str, str]:
    """Return the field that each key of an answer stands for."""
    found: dict[str, str] = {}

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            found[(node.alias or node.name).value] = node.name.value

    visit(parse(query), Fields())
    return found


def values(data: Any, fields: dict[str, str]) -> int:
    """Return how many values there are: leaves, objects, and lists of leaves as one."""
    if isinstance(data, dict):
        return 1 + sum(1 if fields[key] in JSON_FIELDS else values(part, fields) for key, part in data.items())
    if isinstance(data, list) and (not data or any(isinstance(one, dict) for one in data)):
        return sum(values(one, fields) for one in data)
    return 1
