"""Pages of other origins and untrusted host names are rejected unless a setting allows them."""

from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app import StartError, create_app
from schema.endpoint.browsers import Hosts
from services import Services
from services.settings import Settings
from tests.conftest import serving
from tests.schema.endpoint.raw import exchange, post
from tests.support.client import PROTOCOL, Client

APP = "https://app.example"
PREFLIGHT = {"access_control_request_method": "POST", "access_control_request_headers": "content-type"}


async def test_other_origins_are_told_nothing(client: Client) -> None:
    answer = await post(client.url, {"query": "{__typename}"}, origin=APP)
    assert "access-control-allow-origin" not in answer.headers
    preflight = await exchange(client.url, "OPTIONS", origin=APP, **PREFLIGHT)
    assert "access-control-allow-origin" not in preflight.headers
    with pytest.raises(InvalidStatus) as refused:
        await connect(client.url.replace("http", "ws", 1), subprotocols=[PROTOCOL], origin=APP)
    assert refused.value.response.status_code == 403
    assert b"ORIGIN_NOT_ALLOWED" in (refused.value.response.body or b"")


async def test_one_setting_allows_an_origin_to_http_and_to_sockets(services: Services) -> None:
    async with changed(services, allowed_origins=(APP,)) as client:
        answer = await post(client.url, {"query": "{__typename}"}, origin=APP)
        assert answer.headers["access-control-allow-origin"] == APP
        assert "Origin" in answer.headers["vary"]
        assert "Accept" in answer.headers["vary"]
        preflight = await exchange(client.url, "OPTIONS", origin=APP, **PREFLIGHT)
        assert preflight.status == 200
        assert "content-type" in preflight.headers["access-control-allow-headers"]
        assert (await opens(client, APP), await opens(client, "https://other.example")) == (101, 403)
        other = await post(client.url, {"query": "{__typename}"}, origin="https://other.example")
        assert "access-control-allow-origin" not in other.headers


async def test_a_page_of_our_own_may_open_sockets(client: Client) -> None:
    assert await opens(client, client.url.removesuffix("/graphql")) == 101
    assert await opens(client, "null") == 403


async def opens(client: Client, origin: Any) -> int:
    try:
        async with connect(client.url.replace("http", "ws", 1), subprotocols=[PROTOCOL], origin=origin):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
async def test_what_a_page_may_send_unasked_is_not_read(client: Client, kind: str) -> None:
    document = 'mutation { createCharacter(input: {name: "x"}) { character { id } } }'
    assert (await post(client.url, {"query": document}, content_type=kind)).status == 415
    assert (await client.run("{ characters { id } }"))["characters"] == []


QUERY = "/graphql?query=%7B__typename%7D"
CROSS = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}


async def test_a_page_of_another_site_runs_no_query_by_get(client: Client) -> None:
    for sent in (
        CROSS,
        {**CROSS, "sec_fetch_mode": "cors", "origin": APP},
        {**CROSS, "sec_fetch_mode": "navigate"},
    ):
        answer = await exchange(client.url, "GET", path=QUERY, accept="text/html, */*", **sent)
        assert (answer.status, answer.error["extensions"]["code"]) == (403, "ORIGIN_NOT_ALLOWED")
    for site in ("same-origin", "same-site", "none"):
        assert (await exchange(client.url, "GET", path=QUERY, sec_fetch_site=site)).status == 200


async def test_a_link_of_another_site_opens_the_playground(client: Client) -> None:
    link = {**CROSS, "sec_fetch_mode": "navigate", "accept": "text/html,*/*;q=0.8"}
    assert (await exchange(client.url, "GET", **link)).status == 200
    assert (await exchange(client.url, "GET", **{**link, "sec_fetch_mode": "no-cors"})).status == 403


async def test_an_allowed_page_of_another_site_may_query_by_get(services: Services) -> None:
    sent = {**CROSS, "sec_fetch_mode": "cors"}
    for allowed, origin, status in ((APP, APP, 200), (APP, "https://other.example", 403), ("*", APP, 200)):
        async with changed(services, allowed_origins=(allowed,)) as client:
            assert (await exchange(client.url, "GET", path=QUERY, origin=origin, **sent)).status == status


# The address it is bound to, names in the settings, a Host header, and whether it is answered.
NAMES = [
    ("127.0.0.1", (), "localhost", True),
    ("127.0.0.1", (), "LocalHost:8000", True),
    ("127.0.0.1", (), "127.0.0.1:1", True),
    ("127.0.0.1", (), "[::1]:8000", True),
    ("127.0.0.1", (), "[::1]", True),
    ("127.0.0.1", (), "localhost.", True),
    ("127.0.0.1", (), "evil.example", False),
    ("127.0.0.1", (), "localhost.evil.example", False),
    ("127.0.0.1", (), "127.0.0.1.evil.example:8000", False),
    ("127.0.0.1", (), "192.168.0.7", False),
    ("127.0.0.1", (), "", False),
    ("127.0.0.1", ("chat.example",), "chat.example:443", True),
    ("127.0.0.1", ("*",), "evil.example", True),
    ("192.168.0.7", (), "192.168.0.7:8000", True),
    ("fd00::7", (), "[fd00::7]:8000", True),
    ("0.0.0.0", (), "192.168.0.7:8000", True),
    ("0.0.0.0", (), "[fd00::7]", True),
    ("::", (), "10.0.0.1", True),
    ("0.0.0.0", (), "evil.example", False),
]


@pytest.mark.parametrize("bound, names, header, allowed", NAMES)
def test_only_its_own_names_reach_the_server(bound: str, names: Any, header: str, allowed: bool) -> None:
    settings = Settings(_env_file=None, host=bound, trusted_hosts=names)
    assert Hosts.of(settings).allows(header) == allowed


async def test_a_foreign_name_is_refused_everywhere(client: Client) -> None:
    for path in ("/graphql", "/health", "/", "/playground/x.js"):
        answer = await exchange(client.url, "GET", path=path, host="evil.example")
        assert (answer.status, answer.error["extensions"]["code"]) == (421, "HOST_NOT_TRUSTED")
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            client.url.replace("http", "ws", 1).replace("127.0.0.1", "localhost.evil.example"),
            subprotocols=[PROTOCOL],
            host="127.0.0.1",
        )
    assert refused.value.response.status_code == 421


def test_names_stand_in_the_environment_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_TRUSTED_HOSTS", "a.example, b.example,")
    assert Settings(_env_file=None).trusted_hosts == ("a.example", "b.example")


async def test_an_origin_that_is_none_stops_the_start(services: Services) -> None:
    settings = services.settings.model_copy(update={"allowed_origins": ("app.example",)})
    with pytest.raises(StartError, match=r"app\.example"):
        create_app(replace(services, settings=settings))


def changed(services: Services, **settings: Any) -> Any:
    return serving(replace(services, settings=services.settings.model_copy(update=settings)))
