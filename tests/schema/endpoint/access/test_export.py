"""Everything of a user, and nothing of another, in a zip file; and the rate of operations."""

import io
import json
import zipfile

from models import LOCAL_OWNER, Database, UserRole
from services import Services
from services.settings import Settings
from tests.conftest import serving
from tests.schema.endpoint.raw import exchange
from tests.support.accounts import session_of, with_accounts
from tests.support.client import Client, signed_in
from tests.support.credentials import TRIES, bearer
from tests.support.owners import OTHER_OWNER, a_user


async def with_chats(services: Services, owner: str, count: int) -> str:
    character = await services.characters.create(owner, {"name": f"Of {owner}"})
    history = [{"role": "user", "content": f"said by {owner} {number}"} for number in range(count)]
    return (await services.chat_histories.import_history(owner, character.id, history)).id


async def test_an_export_has_all_of_the_caller_and_nothing_of_others(
    members: Client, member_services: Services
) -> None:
    token = await session_of(member_services, OTHER_OWNER)
    await session_of(member_services, LOCAL_OWNER, UserRole.ADMIN)
    own = await with_chats(member_services, OTHER_OWNER, 1_234)
    await with_chats(member_services, LOCAL_OWNER, 3)
    url = members.url.replace("/graphql", "/export")
    assert (await members.http.get(url)).status_code == 401
    assert (await members.http.post(url)).status_code == 405
    answer = await members.http.get(url, headers=bearer(token))
    assert "attachment" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        kept = {name: [json.loads(line) for line in file.read(name).splitlines()] for name in file.namelist()}
    assert {name: len(rows) for name, rows in kept.items()} == {
        "characters.jsonl": 1,
        "conversations.jsonl": 1,
        "messages.jsonl": 1_234,
        "account.jsonl": len(kept["account.jsonl"]),
    }
    assert {row["conversation_id"] for row in kept["messages.jsonl"]} == {own}
    assert kept["messages.jsonl"][0]["content"].startswith("said by")
    assert {row["type"] for row in kept["account.jsonl"]} == {"User", "Credential", "AuditEvent"}
    assert LOCAL_OWNER not in str(kept)
    assert not any(word in str(kept) for word in ("digest", "password_hash", token))


async def test_a_page_of_another_site_starts_no_export(members: Client, client: Client) -> None:
    for server in (members, client):
        answer = await exchange(server.url, "GET", path="/export", sec_fetch_site="cross-site")
        assert answer.status == 403


async def test_more_operations_than_the_limit_wait(settings: Settings, database: Database) -> None:
    settings = settings.model_copy(update={"operations_a_minute": 5})
    async with with_accounts(settings, database) as services, serving(services) as server:
        tokens = [await session_of(services, owner) for owner in (OTHER_OWNER, a_user("user_" + "3" * 32).id)]
        async with signed_in(server, tokens[0]) as client:
            for _ in range(5):
                await client.run("{ __typename }")
            for accept in ("application/json", "text/event-stream"):
                answer = await client.http.post(
                    client.url, json={"query": "{ __typename }"}, headers={"accept": accept}
                )
                assert answer.status_code == 429
                assert 1 <= int(answer.headers["retry-after"]) <= 12
            [result] = [one async for one in client.watch_socket("{ __typename }")]
            assert result["errors"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
        assert await TRIES["json"](server, **bearer(tokens[1])) == "answered"
