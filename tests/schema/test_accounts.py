"""Accounts in the contract: who asks, tokens, users, quotas, and leaving."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import LOCAL_OWNER, Base, Database, Owned, UserRole, everyone, now
from services import Services
from services.access import secrets
from services.settings import Settings
from tests.conftest import opened, serving
from tests.schema.endpoint.raw import post
from tests.support.accounts import change, session_of, with_accounts
from tests.support.client import Client, signed_in
from tests.support.credentials import ANSWERED, REFUSED, TRIES, bearer
from tests.support.makers import TestEngine, until
from tests.support.owners import OTHER_OWNER

OWNED: list[Any] = [one.class_ for one in Base.registry.mappers if issubclass(one.class_, Owned)]
CREATE_TOKEN = """mutation ($scopes: [TokenScope!]!, $days: Int! = 90) {
    createToken(input: {name: "Bot", scopes: $scopes, expiresInDays: $days}) {
        token credential { id kind name hint scopes expiresAt isCurrent } userErrors { code message path } } }"""
MAKE = 'mutation { createCharacter(input: {name: "Mira"}) { character { id } userErrors { code } } }'
SEND = """mutation ($id: ID!) { sendMessage(input: {conversationId: $id, content: "Hi", replyMode: BACKGROUND}) {
    reply { id } userErrors { code message ... on QuotaExceededError { limit used resetsAt } } } }"""


@pytest.fixture
async def services(settings: Settings, database: Database, engine: TestEngine) -> AsyncIterator[Services]:
    async with with_accounts(settings, database, engine) as services:
        yield services


@pytest.fixture
async def server(services: Services) -> AsyncIterator[Client]:
    async with serving(services) as client:
        yield client


@pytest.fixture
async def two(server: Client, services: Services) -> AsyncIterator[tuple[Client, Client]]:
    """An admin and another user."""
    async with AsyncExitStack() as stack:
        admin = await session_of(services, LOCAL_OWNER, UserRole.ADMIN)
        user = await session_of(services, OTHER_OWNER)
        yield (
            await stack.enter_async_context(signed_in(server, admin)),
            await stack.enter_async_context(signed_in(server, user)),
        )


async def test_each_user_is_the_viewer(two: tuple[Client, Client]) -> None:
    document = """{ viewer { access user { id name displayName role quota { maxReplies tokensToday } }
        credentials { kind isCurrent } usage { day replies } } }"""
    for client, id, role in zip(two, (LOCAL_OWNER, OTHER_OWNER), ("ADMIN", "USER"), strict=True):
        viewer = (await client.run(document))["viewer"]
        assert (viewer["access"], viewer["user"]["id"], viewer["user"]["role"]) == ("SESSION", id, role)
        assert viewer["credentials"] == [{"kind": "SESSION", "isCurrent": True}]
        assert viewer["usage"] == []


async def test_an_open_server_has_a_viewer_too_and_no_accounts(client_of_open: Client) -> None:
    viewer = (await client_of_open.run("{ viewer { access user { id displayName role } credentials { id } } }"))[
        "viewer"
    ]
    user = {"id": LOCAL_OWNER, "displayName": "User", "role": "ADMIN"}
    assert viewer == {"access": "OPEN", "user": user, "credentials": []}
    refused = (await client_of_open.run(CREATE_TOKEN, scopes=["READ"]))["createToken"]["userErrors"]
    assert [one["code"] for one in refused] == ["FORBIDDEN"]
    assert "REPARTEE_ACCESS" in refused[0]["message"]


@pytest.fixture
async def client_of_open(settings: Settings, database: Database) -> AsyncIterator[Client]:
    async with opened(settings, database, TestEngine()) as services, serving(services) as client:
        yield client


async def token_of(client: Client, *scopes: str) -> str:
    made = (await client.run(CREATE_TOKEN, scopes=scopes))["createToken"]
    assert made["userErrors"] == []
    assert made["token"].endswith(made["credential"]["hint"])
    return made["token"]


async def test_a_token_does_what_its_scopes_say(server: Client, two: tuple[Client, Client]) -> None:
    reading, writing = await token_of(two[1], "READ"), await token_of(two[1], "WRITE")
    assert {await attempt(server, **bearer(reading)) for attempt in TRIES.values()} == {ANSWERED}
    for accept in ("application/json", "application/graphql-response+json", "text/event-stream"):
        refused = await post(server.url, {"query": MAKE}, accept, **bearer(reading))
        assert (refused.status, refused.error["extensions"]["code"]) == (403, "FORBIDDEN")
    async with signed_in(server, reading) as client:
        [result] = [one async for one in client.watch_socket(MAKE)]
        assert result["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    async with signed_in(server, writing) as client:
        assert (await client.run(MAKE))["createCharacter"]["userErrors"] == []
        for change_of_account in (
            'updateViewer(input: {displayName: "X"})',
            'createUser(input: {name: "X"})',
            "revokeOtherCredentials(input: {})",
            f'deleteAccount(input: {{name: "{OTHER_OWNER}"}})',
        ):
            field = change_of_account.partition("(")[0]
            answer = await client.run(f"mutation {{ {change_of_account} {{ userErrors {{ code }} }} }}")
            assert answer[field]["userErrors"] == [{"code": "FORBIDDEN"}], field
        made = (await client.run(CREATE_TOKEN, scopes=["WRITE"]))["createToken"]
        assert [one["code"] for one in made["userErrors"]] == ["FORBIDDEN"]


async def test_what_could_hurt_needs_a_recent_sign_in(services: Services, server: Client) -> None:
    token = await session_of(services, OTHER_OWNER)
    await change(services, token, created_at=now() - timedelta(minutes=11))
    async with signed_in(server, token) as client:
        refused = (await client.run(CREATE_TOKEN, scopes=["READ"]))["createToken"]["userErrors"]
        assert (refused[0]["code"], "10 minutes" in refused[0]["message"]) == ("FORBIDDEN", True)
        delete = "mutation ($name: String!) { deleteAccount(input: {name: $name}) { userErrors { code } } }"
        assert (await client.run(delete, name=OTHER_OWNER))["deleteAccount"]["userErrors"] == [
            {"code": "FORBIDDEN"}
        ]


async def test_tokens_that_were_tampered_with_are_nobodys(server: Client, two: tuple[Client, Client]) -> None:
    """Flipped, cut, grown and made up ones, with right checksums too."""
    token, chance = await token_of(two[1], "WRITE"), random.Random(7)
    fuzzed = {token[:at] + chance.choice("0Zz_") + token[at + 1 :] for at in range(len(token))} - {token}
    fuzzed |= {token[:at] for at in range(0, len(token), 5)} | {
        token * 2,
        token + "0",
        f" {token[::-1]}",
        "x" * 60_000,
    }
    fuzzed |= {token.replace(secrets.TOKEN, secrets.SESSION), token.upper(), token.lower()}
    fuzzed |= {secrets.new_token(prefix) for prefix in (secrets.TOKEN, secrets.SESSION) for _ in range(20)}
    assert len(fuzzed) > 100
    for one in sorted(fuzzed):
        assert await TRIES["json"](server, **bearer(one)) == REFUSED, one
    for one in sorted(fuzzed, key=len)[20:-5:20]:
        assert {await TRIES[name](server, **bearer(one)) for name in ("sse", "connection_init")} == {REFUSED}
    assert await TRIES["json"](server, **bearer(token)) == ANSWERED


async def test_only_an_admin_sees_and_changes_users(two: tuple[Client, Client]) -> None:
    admin, user = two
    for document in ("{ users { id } }", "{ usersConnection { totalCount } }"):
        assert (await user.fail(document))["extensions"]["code"] == "FORBIDDEN"
    names = [one["name"] for one in (await admin.run('{ users(search: "0002") { name } }'))["users"]]
    assert names == [OTHER_OWNER]
    create = """mutation ($name: String!) { createUser(input: {name: $name}) {
        user { id name } setupCode userErrors { code path } } }"""
    assert (await user.run(create, name="Eve"))["createUser"]["userErrors"][0]["code"] == "FORBIDDEN"
    made = (await admin.run(create, name="Eve"))["createUser"]
    assert (made["user"]["name"], len(made["setupCode"])) == ("Eve", 29)
    again = (await admin.run(create, name="eVE"))["createUser"]["userErrors"]
    assert again == [{"code": "INVALID_INPUT", "path": ["input", "name"]}]
    for field in ("resetPassword", "deleteUser"):
        document = f"mutation ($id: ID!) {{ {field}(input: {{userId: $id}}) {{ userErrors {{ code }} }} }}"
        assert (await user.run(document, id=made["user"]["id"]))[field]["userErrors"] == [{"code": "FORBIDDEN"}]
        assert (await admin.run(document, id=made["user"]["id"]))[field]["userErrors"] == []
    demote = (
        f'mutation {{ updateUser(input: {{userId: "{LOCAL_OWNER}", role: USER}}) {{ userErrors {{ message }} }} }}'
    )
    assert "last admin" in str(await admin.run(demote))


async def test_node_finds_oneself_and_ones_own_credentials(two: tuple[Client, Client]) -> None:
    ids = []
    for client in two:
        viewer = (await client.run("{ viewer { user { id } credentials { id } } }"))["viewer"]
        ids.append([viewer["user"]["id"], viewer["credentials"][0]["id"]])
    for client, own, others in zip(two, ids, reversed(ids), strict=True):
        found = (await client.run("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=own + others))["nodes"]
        assert found == [{"id": own[0]}, {"id": own[1]}, None, None]
        assert (await client.run("query ($id: ID!) { node(id: $id) { id } }", id=own[1])) == {
            "node": {"id": own[1]}
        }


async def test_everybody_reads_the_audit_of_the_own_account(two: tuple[Client, Client]) -> None:
    admin, user = two
    await token_of(user, "READ")
    document = "{ auditEventsConnection(first: 50) { nodes { action outcome subject { id } actor { id } } } }"
    of_user = (await user.run(document))["auditEventsConnection"]["nodes"]
    assert of_user[0] == {
        "action": "createToken",
        "outcome": "done",
        "subject": {"id": OTHER_OWNER},
        "actor": {"id": OTHER_OWNER},
    }
    assert {one["subject"]["id"] for one in of_user} == {OTHER_OWNER}
    of_all = (await admin.run(document))["auditEventsConnection"]["nodes"]
    assert {one["subject"]["id"] for one in of_all} == {OTHER_OWNER, LOCAL_OWNER}


async def conversation(client: Client) -> str:
    character = (await client.run(MAKE))["createCharacter"]["character"]["id"]
    create = "mutation ($id: ID!) { createConversation(input: {characterId: $id}) { conversation { id } } }"
    return (await client.run(create, id=character))["createConversation"]["conversation"]["id"]


async def test_replies_at_once_have_a_limit(
    two: tuple[Client, Client], services: Services, engine: TestEngine
) -> None:
    admin, user = two
    limit = (
        "mutation ($id: ID!, $n: Int) { updateUser(input: {userId: $id, maxReplies: $n}) { userErrors { code } } }"
    )
    await admin.run(limit, id=OTHER_OWNER, n=None)
    for _ in range(2):
        assert (await user.run(SEND, id=await conversation(user)))["sendMessage"]["userErrors"] == []
    third = await conversation(user)
    [refused] = (await user.run(SEND, id=third))["sendMessage"]["userErrors"]
    assert (refused["code"], refused["limit"], refused["used"]) == ("QUOTA_EXCEEDED", 2, 2)
    assert (await user.run("query ($id: ID!) { conversation(id: $id) { messageCount } }", id=third)) == {
        "conversation": {"messageCount": 0}
    }
    assert (await admin.run(SEND, id=await conversation(admin)))["sendMessage"]["userErrors"] == []
    engine.answer("One.")
    engine.answer("Two.")
    await until(lambda: len(services.writer.keys) < 2)
    assert (await user.run(SEND, id=third))["sendMessage"]["userErrors"] == []


async def test_tokens_of_a_day_have_a_limit_that_no_deletion_resets(
    two: tuple[Client, Client], engine: TestEngine
) -> None:
    admin, user = two
    limit = (
        "mutation ($id: ID!, $n: Int) { updateUser(input: {userId: $id, tokensADay: $n}) { userErrors { code } } }"
    )
    await admin.run(limit, id=OTHER_OWNER, n=10)
    engine.answer("One.")
    wait = SEND.replace("BACKGROUND", "WAIT")
    talk = await conversation(user)
    assert (await user.run(wait, id=talk))["sendMessage"]["userErrors"] == []
    usage = "{ viewer { usage { replies promptTokens completionTokens } user { quota { tokensToday } } } }"
    used = (await user.run(usage))["viewer"]
    assert used["usage"] == [{"replies": 1, "promptTokens": 7, "completionTokens": 3}]
    assert used["user"] == {"quota": {"tokensToday": 10}}
    await user.run(
        "mutation ($id: ID!) { deleteConversation(input: {conversationId: $id}) { userErrors { code } } }", id=talk
    )
    [refused] = (await user.run(SEND, id=await conversation(user)))["sendMessage"]["userErrors"]
    assert (refused["code"], refused["limit"], refused["used"]) == ("QUOTA_EXCEEDED", 10, 10)
    assert refused["resetsAt"].endswith("T00:00:00.000Z")


async def test_a_deleted_account_leaves_nothing(
    two: tuple[Client, Client], services: Services, database: Database
) -> None:
    admin, user = two
    talk = await conversation(user)
    await user.run(SEND, id=talk)
    await conversation(admin)
    document = (
        "mutation ($name: String!) { deleteAccount(input: {name: $name}) { deletedUserId userErrors { path } } }"
    )
    assert (await user.run(document, name="Somebody"))["deleteAccount"]["userErrors"] == [
        {"path": ["input", "name"]}
    ]
    deleted = (await user.run(document, name=OTHER_OWNER))["deleteAccount"]
    assert deleted == {"deletedUserId": OTHER_OWNER, "userErrors": []}
    await until(lambda: not services.writer.keys)

    async def is_empty() -> bool:
        async with database.read(everyone()) as session:
            return not any([await session.scalar(select(one).where(one.owner == OTHER_OWNER)) for one in OWNED])

    await until(is_empty)
    assert await services.characters.count(LOCAL_OWNER) == 1
    events = "{ auditEventsConnection(first: 3) { nodes { action subject { id } } } }"
    [last, *_] = (await admin.run(events))["auditEventsConnection"]["nodes"]
    assert last == {"action": "deleteUser", "subject": None}


async def test_characters_call_each_user_by_the_own_name(two: tuple[Client, Client]) -> None:
    rename = "mutation ($name: String!) { updateViewer(input: {displayName: $name}) { user { displayName } } }"
    greet = 'mutation { createCharacter(input: {name: "M", greeting: "Hello, {{user}}."}) { character { id } } }'
    begin = """mutation ($id: ID!) { createConversation(input: {characterId: $id}) {
        conversation { messages { content } } } }"""

    async def greeting(client: Client, name: str) -> str:
        await client.run(rename, name=name)
        character = (await client.run(greet))["createCharacter"]["character"]["id"]
        made = (await client.run(begin, id=character))["createConversation"]["conversation"]
        return made["messages"][0]["content"]

    said = await asyncio.gather(
        *(greeting(client, name) for client, name in zip(two, ("Ada", "Bob"), strict=True))
    )
    assert said == ["Hello, Ada.", "Hello, Bob."]
