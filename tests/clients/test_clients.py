"""Clients as people use them, from npm and PyPI, against the running server."""

from typing import Any

import pytest
from gql import Client as GqlClient
from gql import GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.clients.conftest import HERE, Checks
from tests.support.client import Client

ROAD = ["query", "mutation", "subscription", "error", "reconnect"]


def over(*names: str) -> list[str]:
    return [f"{name} {step}" for name in names for step in ROAD]


CLIENTS = {
    "graphql-ws.mjs": ROAD,
    "graphql-sse.mjs": ROAD,
    "apollo.mjs": [*over("http", "ws"), "persisted queries", "queries by GET"],
    "urql.mjs": over("sse", "ws"),
}


@pytest.mark.parametrize("script", CLIENTS)
async def test_a_client_does_all_it_can(speaker: Client, checks: Checks, script: str) -> None:
    assert await checks(script, speaker.url) == dict.fromkeys(CLIENTS[script])


async def test_every_check_of_the_audit_is_ok(speaker: Client, checks: Checks) -> None:
    problems = await checks("audit.mjs", speaker.url)
    assert len(problems) >= 61
    assert {name: problem for name, problem in problems.items() if problem} == {}


async def test_relays_compiler_takes_the_contract(checks: Checks) -> None:
    assert await checks("relay.mjs", "-") == {"relay-compiler": None}


async def test_a_frontend_in_typescript_gets_its_types(checks: Checks) -> None:
    assert await checks("codegen.mjs", "-") == {"graphql-codegen": None}


async def test_names_descriptions_and_relays_shapes_follow_the_rules(checks: Checks) -> None:
    assert await checks("rules.mjs", "-") == {"graphql-eslint": None}


async def test_the_playground_works_without_the_internet(speaker: Client, checks: Checks, chromium: str) -> None:
    assert await checks("playground.mjs", speaker.url, chromium) == {"light": None, "dark": None}


@pytest.mark.parametrize("file", ["package-lock.json", "package.json", ".npmrc"])
def test_no_registry_is_named(file: str) -> None:
    text = (HERE / file).read_text().replace("omit-lockfile-registry-resolved", "")
    assert "resolved" not in text
    assert "registry" not in text


QUERY = GraphQLRequest("{ characters(first: 1) { id conversations(first: 1) { id } } }")
BROKEN = GraphQLRequest("{ characters(first: 101) { id } }")
SEND = """mutation ($id: ID!) { sendMessage(input: {conversationId: $id, content: "Hi", replyMode: BACKGROUND}) {
    streamCursor userErrors { code } } }"""
WATCH = """subscription ($id: ID!, $after: String) {
    replyStream(conversationId: $id, after: $after, untilDone: true) {
        __typename cursor ... on ReplyDelta { delta } } }"""


async def test_gql_for_python_does_all_it_can(speaker: Client) -> None:
    transport = WebsocketsTransport(url=speaker.url.replace("http", "ws", 1))
    async with GqlClient(transport=transport, fetch_schema_from_transport=True) as session:
        [character] = (await session.execute(QUERY))["characters"]
        id = character["conversations"][0]["id"]
        sent = (await session.execute(GraphQLRequest(SEND, variable_values={"id": id})))["sendMessage"]
        assert sent["userErrors"] == []
        asked = GraphQLRequest(WATCH, variable_values={"id": id, "after": sent["streamCursor"]})
        events = [event["replyStream"] async for event in session.subscribe(asked)]
        assert (events[0]["__typename"], events[-1]["__typename"]) == ("ReplyStarted", "ReplyFinished")
        assert len(events) > 3
        with pytest.raises(TransportQueryError) as refused:
            await session.execute(BROKEN)
        assert (refused.value.errors or [])[0]["extensions"]["code"] == "BAD_USER_INPUT"
    # Another connection goes on from the last cursor but one.
    transport = WebsocketsTransport(url=speaker.url.replace("http", "ws", 1))
    async with GqlClient(transport=transport) as session:
        asked = GraphQLRequest(WATCH, variable_values={"id": id, "after": events[-2]["cursor"]})
        assert [event["replyStream"] async for event in session.subscribe(asked)] == events[-1:]


async def test_gql_for_python_over_http(speaker: Client) -> None:
    transports: Any = pytest.importorskip(
        "gql.transport.httpx", reason="httpx is not installed", exc_type=ImportError
    )
    async with GqlClient(transport=transports.HTTPXAsyncTransport(url=speaker.url)) as session:
        assert len((await session.execute(QUERY))["characters"]) == 1
        with pytest.raises(TransportQueryError):
            await session.execute(BROKEN)
