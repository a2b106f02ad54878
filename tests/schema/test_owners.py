"""Rows of another owner are answered like rows that never existed, whatever names them and however it is sent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from graphql import OperationType, extend_schema, get_named_type, parse

from models import LOCAL_OWNER, Database, IdempotencyKey, UserRole, new_key
from schema import schema
from services import Services
from services.settings import Settings
from services.streaming import cursors
from tests.conftest import opened, serving
from tests.support.accounts import session_of
from tests.support.client import signed_in
from tests.support.contract import Case, Contract, Ids, NoSample
from tests.support.database import store
from tests.support.owners import OTHER_OWNER, PromptEngine, World, ids_of, make_world, rows, rows_of_accounts
from tests.support.samples import KEY, KINDS, SAMPLES
from tests.support.transports import PATIENCE, TRANSPORTS, Answer, Line, opened_line

CONTRACT = Contract(schema._schema, SAMPLES, KINDS)
CASES = CONTRACT.cases()

on_shared_servers = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Two:
    """Two users of one server: what each has, and a line of each to the server. The first one is an admin."""

    database: Database
    services: Services
    of_a: World
    of_b: World
    a: Line
    b: Line


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('owners')}/test.db"
    limits = {
        "max_document_tokens": 10_000,
        "max_aliases": 5_000,
        "max_cost": 10**12,
        "max_depth": 100,
        "operations_a_minute": 10**6,
    }
    given = {"database_url": url, "engine": "builtin", "wait_limit": 2, "access": "accounts"}
    settings = Settings(_env_file=None, **given, **limits)
    database = Database(settings.database_url)
    await database.migrate()
    async with (
        opened(settings, database, PromptEngine()) as services,
        serving(services) as client,
        signed_in(client, await session_of(services, LOCAL_OWNER, UserRole.ADMIN)) as a,
        signed_in(client, await session_of(services, OTHER_OWNER)) as b,
        opened_line(a) as line_a,
        opened_line(b) as line_b,
    ):
        of_a = await make_world(services, LOCAL_OWNER, "zanzibar")
        of_b = await make_world(services, OTHER_OWNER, "lisbon")
        await store(database, *every_key_of(of_a), owner=LOCAL_OWNER)
        yield Two(database, services, of_a, of_b, line_a, line_b)
    await database.close()


def every_key_of(world: World) -> list[IdempotencyKey]:
    """Returns what would be there if the owner had used its key for each mutation on each of its rows."""
    mutations = {case.route[0] for case in CASES if case.operation is OperationType.MUTATION}
    result = {"message": world.question, "reply": world.answer, "run": 2, "conversation_id": world.quiet}
    return [
        IdempotencyKey(kind=mutation, parent_id=parent, key=KEY, digest="another request", result=result)
        for mutation in sorted(mutations)
        for parent in (world.character, world.quiet, world.busy)
    ]


def lists(own: Ids) -> list[tuple[str, dict[str, Any]]]:
    """Returns a request for each list of everything, in each order, with and without other arguments."""
    found = []
    for name, field in CONTRACT.schema.get_root_type(OperationType.QUERY).fields.items():
        case = Case(OperationType.QUERY, (name,), ())
        for order in get_named_type(field.args["orderBy"].type).values if "orderBy" in field.args else ():
            for full in (False, True):
                given = {**CONTRACT.variables(case, {}, own, full), f"{name}_orderBy": order}
                found.append((CONTRACT.document(case), given))
    return found


def targets(case: Case, world: World) -> list[dict[str, str]]:
    """Returns the owner's ids of the kinds that the case takes, each combination once."""
    kinds = sorted(CONTRACT.kinds_of(case))
    combinations = dict.fromkeys(tuple((kind, ids[kind]) for kind in kinds) for ids in world.targets)
    return [dict(one) for one in combinations]


def made_up(ids: Ids) -> dict[str, str]:
    """Returns ids of the same form that never existed."""
    return {kind: new_key(id.partition("_")[0]) for kind, id in ids.items()}


def requests(case: Case, two: Two, ids: Ids) -> list[tuple[str, dict[str, Any]]]:
    """Returns the case's document for the other owner, with the fewest and with all arguments."""
    own = two.of_b.targets[1]
    fewest, most = [CONTRACT.variables(case, ids, own, full) for full in (False, True)]
    return [(CONTRACT.document(case), variables) for variables in ([fewest] if fewest == most else [fewest, most])]


def finds_nothing(answer: Answer, ids: Ids) -> bool:
    """Returns whether the results say that there is no such row, and hold nothing else."""
    return bool(answer.results) and all(_is_nothing(result, ids) for result in answer.results)


def _is_nothing(result: dict[str, Any], ids: Ids) -> bool:
    if "errors" in result:
        return [error["extensions"]["code"] for error in result["errors"]] == ["NOT_FOUND"]
    [value] = result["data"].values()
    if not (isinstance(value, dict) and "userErrors" in value):
        return _is_empty(value)
    if [error["code"] for error in value["userErrors"]] == ["FORBIDDEN"]:
        return True
    missing = [error.get("NotFoundError_missingId") for error in value["userErrors"]]
    return len(missing) == 1 and missing[0] in ids.values() and _is_empty({**value, "userErrors": None})


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict | list):
        # Whether all messages are searched is no matter of a row.
        parts = [part for key, part in value.items() if key != "isComplete"] if isinstance(value, dict) else value
        return all(map(_is_empty, parts))
    return not value


@on_shared_servers
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_foreign_id_is_answered_like_one_that_never_existed(case: Case, transport: str, two: Two) -> None:
    before = rows(two.database), rows_of_accounts(two.database)
    for ids in targets(case, two.of_a):
        unknown = made_up(ids)
        for request, unknown_request in zip(requests(case, two, ids), requests(case, two, unknown), strict=True):
            foreign_answer = await TRANSPORTS[transport](two.b, *request)
            answer = await TRANSPORTS[transport](two.b, *unknown_request)
            assert foreign_answer.without(ids) == answer.without(unknown)
            if answer.status != 406:
                assert finds_nothing(answer, unknown), answer.body
    assert (rows(two.database), rows_of_accounts(two.database)) == before


@on_shared_servers
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_owner_of_an_id_finds_what_it_names(case: Case, two: Two) -> None:
    world = await make_world(two.services, LOCAL_OWNER, "zanzibar")
    ids = world.targets[1]
    variables = CONTRACT.variables(case, ids, ids, full=False)
    patience = 0.2 if case.operation is OperationType.SUBSCRIPTION else PATIENCE
    answer = await TRANSPORTS["websocket"](two.a, CONTRACT.document(case), variables, patience)
    assert not finds_nothing(answer, ids), answer.body


@on_shared_servers
async def test_each_user_is_answered_alone(two: Two) -> None:
    ids = [*two.of_a.ids, *two.of_b.ids, *map(new_key, ("char", "conv", "msg"))]
    for line, world in ((two.a, two.of_a), (two.b, two.of_b)):
        found = await line.client.run("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
        assert [one and one["id"] for one in found["nodes"]] == [id if id in world.ids else None for id in ids]


@on_shared_servers
async def test_lists_and_counts_do_not_change_with_the_rows_of_another_owner(two: Two) -> None:
    requests = lists(two.of_b.targets[1])
    before = [await TRANSPORTS["json"](two.b, *request) for request in requests]
    of_a = await make_world(two.services, LOCAL_OWNER, "zanzibar")
    assert [await TRANSPORTS["json"](two.b, *request) for request in requests] == before
    for answer in before:
        assert "errors" not in answer.results[0]
        assert two.of_b.word.encode() in answer.body
        assert not any(word.encode() in answer.body for word in (of_a.word, *of_a.ids, *two.of_a.ids))


SEND = """mutation ($conversationId: ID!, $content: String!) {
    sendMessage(input: {conversationId: $conversationId, content: $content, idempotencyKey: "mine"}) {
        message { id } reply { id } userErrors { code ... on NotFoundError { missingId } } } }"""


@on_shared_servers
async def test_an_idempotency_key_is_known_only_to_its_owner(two: Two) -> None:
    async def send(line: Line, conversation: str, content: str) -> Any:
        payload = (await line.client.run(SEND, conversationId=conversation, content=content))["sendMessage"]
        return payload["message"], payload["reply"], payload["userErrors"]

    sent = await send(two.a, two.of_a.quiet, "Hello")
    for content in ("Hello", "Something else"):
        for missing in (two.of_a.quiet, new_key("conv")):
            refusal = [{"code": "NOT_FOUND", "missingId": missing}]
            assert await send(two.b, missing, content) == (None, None, refusal)
    own = await send(two.b, two.of_b.quiet, "Something else")
    assert own[2] == []
    assert own[0] != sent[0]
    assert await send(two.b, two.of_b.quiet, "Something else") == own
    assert (await send(two.b, two.of_b.quiet, "Hello"))[2] == [{"code": "IDEMPOTENCY_CONFLICT"}]
    assert await send(two.a, two.of_a.quiet, "Hello") == sent


@on_shared_servers
async def test_a_key_without_a_parent_is_known_only_to_its_owner(two: Two) -> None:
    create = """mutation ($name: String!) { createCharacter(input: {name: $name, idempotencyKey: "mine"}) {
        character { id name } userErrors { code } } }"""
    of_a = await two.a.client.run(create, name="Zoe")
    of_b = [await two.b.client.run(create, name=name) for name in ("Lea", "Lea", "Zoe")]
    assert of_b[0] == of_b[1] != of_a
    assert of_b[0]["createCharacter"]["character"]["name"] == "Lea"
    assert of_b[2]["createCharacter"]["userErrors"] == [{"code": "IDEMPOTENCY_CONFLICT"}]


CURSORS = """query ($id: ID!) { charactersConnection(last: 1) { edges { cursor } }
    conversationsConnection(first: 1) { edges { cursor } }
    conversation(id: $id) { streamCursor messagesConnection(last: 1) { edges { cursor } } } }"""


@on_shared_servers
async def test_the_cursors_of_anothers_lists_lead_to_none_of_its_rows(two: Two) -> None:
    of_a = await two.a.client.run(CURSORS, id=two.of_a.quiet)
    for field in ("charactersConnection", "conversationsConnection"):
        [edge] = of_a[field]["edges"]
        for page in ("first: 100, after", "last: 100, before"):
            document = f"query ($at: String!) {{ {field}({page}: $at) {{ nodes {{ id }} }} }}"
            found = (await two.b.client.run(document, at=edge["cursor"]))[field]["nodes"]
            assert {one["id"] for one in found} <= ids_of(two.database, OTHER_OWNER)
    [edge] = of_a["conversation"]["messagesConnection"]["edges"]
    document = """query ($id: ID!, $at: String!) {
        conversation(id: $id) { messagesConnection(after: $at) { totalCount } } }"""
    error = await two.b.client.fail(document, id=two.of_b.quiet, at=edge["cursor"])
    assert error["extensions"]["code"] == "INVALID_CURSOR"


@on_shared_servers
@pytest.mark.parametrize("transport", ["sse", "multipart", "websocket"])
async def test_a_stream_cursor_of_another_owner_is_one_of_a_conversation_that_never_existed(
    transport: str, two: Two
) -> None:
    document = "subscription ($id: ID!, $at: String) { replyStream(conversationId: $id, after: $at) { cursor } }"
    real = (await two.a.client.run(CURSORS, id=two.of_a.quiet))["conversation"]["streamCursor"]
    unknown = new_key("conv")
    unreal = cursors.encode(unknown, cursors.decode(two.of_a.quiet, real))
    for code, ids in (("INVALID_CURSOR", (two.of_b.quiet,) * 2), ("NOT_FOUND", (two.of_a.quiet, unknown))):
        answers = [
            await TRANSPORTS[transport](two.b, document, {"id": id, "at": at})
            for id, at in zip(ids, (real, unreal), strict=True)
        ]
        assert len({answer.without({"conversation": id}) for answer, id in zip(answers, ids, strict=True)}) == 1
        [result] = answers[0].results
        assert result["errors"][0]["extensions"]["code"] == code


def test_every_argument_has_a_sample() -> None:
    CONTRACT.check()


@pytest.mark.parametrize(
    "more",
    [
        "extend type Query { persona(personaId: ID!): String }",
        "extend type Character { personas(of: [ID!]): [String!] }",
        "extend type Mutation { addPersona(id: ID!): String }",
        "extend input SendMessageInput { personaId: ID }",
        "extend input SendMessageInput { mood: String }",
    ],
)
def test_a_new_argument_must_be_given_a_sample(more: str) -> None:
    contract = Contract(extend_schema(CONTRACT.schema, parse(more)), SAMPLES, KINDS)
    with pytest.raises(NoSample):
        contract.check()
