"""Who signs in elsewhere is known here: by an issuer's tokens, or by the word of a trusted proxy."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models import Database
from services import Services
from services.broker.memory import MemoryBroker
from services.settings import Settings
from tests.conftest import serving
from tests.schema.endpoint.access.test_endings import over_http, over_socket
from tests.schema.endpoint.raw import post
from tests.support.accounts import session_request, with_accounts
from tests.support.client import Client, signed_in
from tests.support.credentials import ANSWERED, REFUSED, TRIES, bearer
from tests.support.issuer import AUDIENCE, TestIssuer, issuing
from tests.support.makers import TestEngine

VIEWER = "{ viewer { access user { id name role } } }"


@pytest.fixture
async def issuer() -> AsyncIterator[TestIssuer]:
    async with issuing() as issuer:
        yield issuer


@pytest.fixture
async def services(
    settings: Settings, database: Database, engine: TestEngine, issuer: TestIssuer
) -> AsyncIterator[Services]:
    settings = settings.model_copy(update={"jwt_issuer": issuer.url, "jwt_audience": AUDIENCE})
    async with with_accounts(settings, database, engine) as services:
        yield services


@pytest.fixture
async def server(services: Services) -> AsyncIterator[Client]:
    async with serving(services) as client:
        yield client


async def viewer(server: Client, token: str) -> dict[str, Any]:
    async with signed_in(server, token) as client:
        return (await client.run(VIEWER))["viewer"]


async def test_a_token_of_the_issuer_signs_in_everywhere(server: Client, issuer: TestIssuer) -> None:
    token = issuer.token(preferred_username="ada")
    assert {await attempt(server, **bearer(token)) for attempt in TRIES.values()} == {ANSWERED}
    seen = await viewer(server, token)
    assert (seen["access"], seen["user"]["name"], seen["user"]["role"]) == ("JWT", "ada", "USER")
    again = await viewer(server, issuer.token(preferred_username="renamed"))
    assert again["user"] == seen["user"]
    other = await viewer(server, issuer.token(sub="43", preferred_username="ada"))
    assert (other["user"]["name"], other["user"]["id"] == seen["user"]["id"]) == ("ada 2", False)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_each_algorithm_of_ours_is_accepted(server: Client, issuer: TestIssuer, algorithm: str) -> None:
    issuer.rotate("another", algorithm)
    assert await TRIES["json"](server, **bearer(issuer.token())) == ANSWERED


def bad_tokens(issuer: TestIssuer) -> dict[str, str]:
    good, moment = issuer.token(), int(time.time())
    head, body, signature = good.split(".")
    stranger = TestIssuer()
    stranger.url = issuer.url
    return {
        **{f"no {name}": issuer.token(**{name: None}) for name in ("exp", "iat", "iss", "aud", "sub")},
        "expired": issuer.token(exp=moment - 60),
        "issued in the future": issuer.token(iat=moment + 600),
        "not yet valid": issuer.token(nbf=moment + 600),
        "another audience": issuer.token(aud="account"),
        "another issuer": issuer.token(iss=f"{issuer.url}/"),
        "exp as a text": issuer.token(exp=str(moment + 300)),
        "a number for a subject": issuer.token(sub=42),
        "an empty subject": issuer.token(sub=""),
        "crit": issuer.token({"crit": ["b64"], "b64": False}),
        "an unknown key": issuer.token({"kid": "unknown"}),
        "signed by a stranger": stranger.token(),
        "signed by the public key": issuer.signed_by_public_key(),
        "none": f"eyJhbGciOiJub25lIiwia2lkIjoiZmlyc3QifQ.{body}.",
        "no signature": f"{head}.{body}.",
        "cut": good[:-10],
        "another body": f"{head}.{issuer.token(sub='1').split('.')[1]}.{signature}",
        "too long": issuer.token(more="x" * 20_000),
        "dots": "..",
        "no JSON": "a.b.c",
    }


async def test_a_bad_token_is_refused(server: Client, issuer: TestIssuer) -> None:
    assert await TRIES["json"](server, **bearer(issuer.token())) == ANSWERED
    for name, token in bad_tokens(issuer).items():
        answer = await post(server.url, {"query": VIEWER}, **bearer(token))
        assert answer.status == 401, name
        assert token[:20] not in answer.body.decode() or name == "dots"
    assert await TRIES["connection_init"](server, **bearer(issuer.token(exp=int(time.time()) - 60))) == REFUSED


async def test_no_token_is_good_for_more_than_a_day(
    server: Client, services: Services, issuer: TestIssuer
) -> None:
    caller = await services.access.by_token(issuer.token(exp=10**30))
    assert caller.expires_at is not None
    assert caller.expires_at.timestamp() - time.time() <= 24 * 3600


async def test_keys_are_rotated_without_a_restart_and_kept_while_the_issuer_is_down(
    server: Client, services: Services, issuer: TestIssuer
) -> None:
    old = issuer.token()
    assert await TRIES["json"](server, **bearer(old)) == ANSWERED
    asked = issuer.asked
    issuer.rotate("second", "ES256")
    new = issuer.token()
    # A stranger's key ids make nobody ask the issuer more than once a minute.
    assert await TRIES["json"](server, **bearer(new)) == REFUSED
    assert issuer.asked == asked
    assert services.access.outsiders.issuer
    services.access.outsiders.issuer.refetch_seconds = 0.0
    issuer.is_down = True
    assert await TRIES["json"](server, **bearer(issuer.token({"kid": "third"}))) == REFUSED
    issuer.is_down = False
    assert await TRIES["json"](server, **bearer(new)) == ANSWERED
    await asyncio.sleep(5.1)
    assert await TRIES["json"](server, **bearer(old)) == REFUSED


async def test_without_any_key_the_answer_is_to_try_again(server: Client, issuer: TestIssuer) -> None:
    issuer.is_down = True
    answer = await post(server.url, {"query": VIEWER}, **bearer(issuer.token()))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    issuer.is_down = False
    assert await TRIES["json"](server, **bearer(issuer.token())) == ANSWERED


async def test_what_is_open_ends_when_the_token_expires(
    server: Client, services: Services, issuer: TestIssuer
) -> None:
    token = issuer.token(exp=int(time.time()) + 5)
    owner = (await viewer(server, token))["user"]["id"]
    character = await services.characters.create(owner, {"name": "Mira"})
    talk = (await services.conversations.create(owner, character.id, {})).id
    async with signed_in(server, token) as client, asyncio.timeout(10):
        opened = asyncio.Event(), asyncio.Event()
        events, closed = await asyncio.gather(
            over_http(client, "text/event-stream", talk, opened[0]), over_socket(client, talk, opened[1])
        )
    assert "UNAUTHENTICATED" in events
    assert closed[0] == 4403


async def test_a_page_trades_the_token_for_a_cookie_that_ends_with_it(server: Client, issuer: TestIssuer) -> None:
    same = {"sec_fetch_site": "same-origin"}
    expires_at = int(time.time()) + 5
    token = issuer.token(exp=expires_at)
    answer = await session_request(server, "POST", {"cookie": True}, **same, **bearer(token))
    kept = answer.headers["set-cookie"].split(";")[0]
    assert await TRIES["json"](server, cookie=kept, **same) == ANSWERED
    await asyncio.sleep(expires_at + 0.1 - time.time())
    assert await TRIES["json"](server, cookie=kept, **same) == REFUSED


PROXY = {"proxy_user_header": "X-Forwarded-User", "trusted_proxies": ("127.0.0.0/8",)}


async def test_a_trusted_proxy_names_the_user(settings: Settings, database: Database) -> None:
    settings = settings.model_copy(update=PROXY)
    async with with_accounts(settings, database) as services, serving(services) as server:
        for name, attempt in TRIES.items():
            assert await attempt(server, x_forwarded_user="ada@example.org") == ANSWERED, name
            assert await attempt(server) == REFUSED, name
            assert await attempt(server, x_forwarded_user="") == REFUSED, name
        twice = [("x-forwarded-user", "ada"), ("x-forwarded-user", "eve")]
        answer = await server.http.post(server.url, json={"query": VIEWER}, headers=twice)
        assert answer.status_code == 401
        answer = await server.http.post(server.url, json={"query": VIEWER}, headers=[twice[0]])
        assert answer.json()["data"]["viewer"]["access"] == "PROXY"


async def test_nobody_else_names_the_user(settings: Settings, database: Database) -> None:
    settings = settings.model_copy(update=PROXY | {"trusted_proxies": ("192.0.2.0/24",)})
    async with with_accounts(settings, database) as services, serving(services) as server:
        for name, attempt in TRIES.items():
            assert await attempt(server, x_forwarded_user="ada") == REFUSED, name


@pytest.mark.parametrize(
    "given",
    [
        {"jwt_issuer": "https://sso.example"},
        {"jwt_issuer": "https://sso.example", "access": "accounts"},
        {"proxy_user_header": "X-User", "trusted_proxies": ("127.0.0.1",)},
        {"proxy_user_header": "X-User", "access": "accounts"},
    ],
)
async def test_settings_that_mean_nothing_together_are_refused(
    given: dict[str, Any], settings: Settings, database: Database
) -> None:
    settings = settings.model_copy(update=given)
    with pytest.raises(ValueError, match="REPARTEE_"):
        Services.build(settings, database, MemoryBroker(), TestEngine())
