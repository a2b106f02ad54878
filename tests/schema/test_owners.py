"""Rows of another owner are answered like rows that never existed, whatever names them and however it is sent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from graphql import OperationType, extend_schema, parse

from models import LOCAL_OWNER, Database, IdempotencyKey, new_key
from schema import schema
from services import Services
from services.settings import Settings
from tests.conftest import opened, serving
from tests.support.client import Client
from tests.support.contract import ABSENT, Case, Contract, Ids, NoSample
from tests.support.database import store
from tests.support.owners import KEY, OTHER_OWNER, PromptEngine, World, make_world, rows, serving_as
from tests.support.transports import TRANSPORTS, Answer, Line, opened_line

# By coordinate, by name, or by type. Whatever the schema takes must have a value here.
SAMPLES: dict[str, Any] = {
    "Query.conversationsConnection.last": ABSENT,
    "Query.conversationsConnection.after": ABSENT,
    "Query.conversationsConnection.before": ABSENT,
    "Subscription.replyStream.after": ABSENT,
    "alternateGreetings": ["Hey"],
    "avatarUrl": "https://example.org/a.png",
    "chatHistory": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}],
    "content": "Hello",
    "context": "A garden.",
    "description": "Kind.",
    "exampleDialogue": "Hi.",
    "expectedHistoryVersion": 1,
    "expectedVersion": 1,
    "first": 5,
    "greeting": "Hello",
    "idempotencyKey": KEY,
    "ifBusy": "STOP",
    "includeGreeting": False,
    "last": 5,
    "maxTokens": 20,
    "metadata": {"colour": "blue"},
    "model": "test-model",
    "name": "Eve",
    "orderBy": "CREATED_DESC",
    "personality": "Calm.",
    "postHistoryInstructions": "Be brief.",
    "replyMode": "BACKGROUND",
    "scenario": "Tea.",
    "search": "new",
    "seed": 1,
    "stop": ["END"],
    "systemPrompt": "Speak.",
    "tags": ["kind"],
    "temperature": 0.5,
    "title": "A new title",
    "topP": 0.5,
    "topic": "Tea",
    "untilDone": True,
}
KINDS = {
    "Query.node.id": "node",
    "Query.nodes.ids": "node",
    "Query.character.id": "character",
    "Query.conversation.id": "conversation",
    "Query.message.id": "message",
    "beforeId": "message",
    "characterId": "character",
    "conversationId": "conversation",
    "messageId": "message",
    "parentId": "message",
    "upToMessageId": "message",
}
CONTRACT = Contract(schema._schema, SAMPLES, KINDS)
CASES = CONTRACT.cases()


@dataclass(frozen=True)
class Two:
    """Two owners: what each has, and a line to the server of each."""

    database: Database
    services: Services
    of_a: World
    of_b: World
    a: Line
    b: Line


async def two_owners(settings: Settings) -> AsyncIterator[Two]:
    database = Database(settings.database_url)
    await database.migrate()
    async with (
        opened(settings, database, PromptEngine()) as services,
        serving(services) as a,
        serving_as(OTHER_OWNER, services) as b,
        opened_line(a) as line_a,
        opened_line(b) as line_b,
    ):
        of_a = await make_world(services, LOCAL_OWNER, "zanzibar")
        of_b = await make_world(services, OTHER_OWNER, "lisbon")
        yield Two(database, services, of_a, of_b, line_a, line_b)
    await database.close()


def with_wide_limits(folder: Any) -> Settings:
    url = f"sqlite+aiosqlite:///{folder}/test.db"
    limits = {"max_document_tokens": 10_000, "max_aliases": 5_000, "max_cost": 10**12, "max_depth": 100}
    return Settings(_env_file=None, database_url=url, engine="builtin", wait_limit=2, **limits)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    async for two in two_owners(with_wide_limits(tmp_path_factory.mktemp("owners"))):
        await store(two.database, *every_key_of(two.of_a), owner=LOCAL_OWNER)
        yield two


@pytest.fixture
async def two(tmp_path: Any) -> AsyncIterator[Two]:
    async for two in two_owners(with_wide_limits(tmp_path)):
        yield two


def every_key_of(world: World) -> list[IdempotencyKey]:
    """Returns what would be there if the owner had used its key for each mutation on each of its rows."""
    mutations = {case.route[0] for case in CASES if case.operation is OperationType.MUTATION}
    result = {"message": world.question, "reply": world.answer, "run": 2, "conversation_id": world.quiet}
    return [
        IdempotencyKey(kind=mutation, parent_id=parent, key=KEY, digest="another request", result=result)
        for mutation in sorted(mutations)
        for parent in (world.character, world.quiet, world.busy)
    ]


def targets(case: Case, world: World) -> list[dict[str, str]]:
    """Returns the owner's ids of the kinds that the case takes, each combination once."""
    kinds = sorted(CONTRACT.kinds_of(case))
    return [dict(one) for one in dict.fromkeys(tuple((kind, ids[kind]) for kind in kinds) for ids in world.targets)]


def made_up(ids: Ids) -> dict[str, str]:
    """Returns ids of the same form that never existed."""
    return {kind: new_key(id.partition("_")[0]) for kind, id in ids.items()}


def finds_nothing(answer: Answer, ids: Ids) -> bool:
    """Returns whether the results say that there is no such row, and hold nothing else."""
    return bool(answer.results) and all(_is_nothing(result, ids) for result in answer.results)


def _is_nothing(result: dict[str, Any], ids: Ids) -> bool:
    if "errors" in result:
        return [error["extensions"]["code"] for error in result["errors"]] == ["NOT_FOUND"]
    [value] = result["data"].values()
    errors = value.pop("userErrors", None) if isinstance(value, dict) else None
    if errors is None:
        return _is_empty(value)
    [error] = errors
    return error["code"] == "NOT_FOUND" and error["NotFoundError_missingId"] in ids.values() and _is_empty(value)


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(map(_is_empty, value.values() if isinstance(value, dict) else value))
    return not value


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_foreign_id_is_answered_like_one_that_never_existed(
    case: Case, transport: str, shared: Two
) -> None:
    document, own = CONTRACT.document(case), shared.of_b.targets[1]
    before = rows(shared.database)
    for ids in targets(case, shared.of_a):
        unknown = made_up(ids)
        for full in (False, True):
            foreign_answer, answer = [
                await TRANSPORTS[transport](shared.b, document, CONTRACT.variables(case, asked, own, full))
                for asked in (ids, unknown)
            ]
            assert foreign_answer.without(ids) == answer.without(unknown)
            if answer.status != 406:
                assert finds_nothing(answer, unknown), answer.body
    assert rows(shared.database) == before


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_owner_of_an_id_finds_what_it_names(case: Case, shared: Two) -> None:
    world = await make_world(shared.services, LOCAL_OWNER, "zanzibar")
    ids = world.targets[1]
    variables = CONTRACT.variables(case, ids, ids, full=False)
    answer = await TRANSPORTS["websocket"](shared.a, CONTRACT.document(case), variables)
    assert not finds_nothing(answer, ids), answer.body


@pytest.mark.parametrize(
    "more",
    [
        "extend type Query { persona(personaId: ID!): String }",
        "extend type Character { personas(of: [ID!]): [String!] }",
        "extend input SendMessageInput { personaId: ID }",
        "extend type Mutation { addPersona(id: ID!): String }",
    ],
)
def test_a_new_argument_that_takes_an_id_must_be_given_a_sample(more: str) -> None:
    contract = Contract(extend_schema(CONTRACT.schema, parse(more)), SAMPLES, KINDS)
    with pytest.raises(NoSample):
        for case in contract.cases():
            contract.kinds_of(case)


def test_a_new_argument_beside_an_id_must_be_given_a_sample() -> None:
    contract = Contract(
        extend_schema(CONTRACT.schema, parse("extend input SendMessageInput { mood: String }")), SAMPLES, KINDS
    )
    ids = {"character": "", "conversation": "", "message": "", "node": ""}
    with pytest.raises(NoSample, match="SendMessageInput.mood"):
        for case in contract.cases():
            contract.variables(case, ids, ids, full=True)
