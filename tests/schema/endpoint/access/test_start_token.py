"""A server with a token answers whoever has it, over every transport, and tells others nothing."""

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.access.modes import AccessMode, mode_of
from services.settings import Settings
from tests.schema.endpoint.access.conftest import TOKEN
from tests.schema.endpoint.raw import Answer, exchange
from tests.support.client import Client
from tests.support.credentials import ANSWERED, REFUSED, TRIES, bearer, over_socket
from tests.support.processes import program

WRONG = [
    "",
    "Bearer",
    "Bearer ",
    f"Basic {TOKEN}",
    TOKEN,
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Bearer {TOKEN.upper()}",
    f"Bearer Bearer {TOKEN}",
    f"Bearer {'x' * 4_000}",
    "Bearer \xff\xfe",
]


@pytest.mark.parametrize("transport", TRIES)
async def test_only_the_token_opens(closed: Client, transport: str) -> None:
    attempt = TRIES[transport]
    assert await attempt(closed, **bearer(TOKEN)) == ANSWERED
    assert await attempt(closed, authorization=f"bearer  {TOKEN} ") == ANSWERED
    assert await attempt(closed) == REFUSED
    assert [wrong for wrong in WRONG if await attempt(closed, authorization=wrong) != REFUSED] == []


async def test_two_credentials_at_once_are_none(closed: Client) -> None:
    async with httpx2.AsyncClient() as http:
        headers = [("authorization", f"Bearer {TOKEN}")] * 2
        answer = await http.post(closed.url, json={"query": "{__typename}"}, headers=headers)
        assert answer.status_code == 401
    both = {"authorization": f"Bearer {TOKEN}", "headers": {"Authorization": f"Bearer {TOKEN}"}}
    assert await over_socket(closed, both, {}) == REFUSED


@pytest.mark.parametrize(
    "payload", [{"Authorization": f"Bearer {TOKEN}"}, {"headers": {"AUTHORIZATION": f"bearer {TOKEN}"}}]
)
async def test_the_payload_may_spell_it_as_clients_do(closed: Client, payload: Any) -> None:
    assert await over_socket(closed, payload, {}) == ANSWERED
    for wrong in (None, 1, [f"Bearer {TOKEN}"], {}):
        assert await over_socket(closed, {"authorization": wrong}, bearer(TOKEN)) == REFUSED


async def test_before_it_is_known_who_asks_nothing_is_read(closed: Client) -> None:
    """Neither is what is wrong with the request told to strangers."""
    for body in (b"{", b"[]", b'{"query": "{ nothing }"}'):
        answer = await exchange(closed.url, "POST", body, content_type="text/plain")
        assert answer.status == 401


SAME = {"sec_fetch_site": "same-origin"}


async def session(client: Client, method: str, body: Any = None, **headers: str) -> Answer:
    content = b"" if body is None else json.dumps(body).encode()
    return await exchange(client.url, method, content, "/session", content_type="application/json", **headers)


async def cookie(client: Client) -> str:
    answer = await session(client, "POST", {"cookie": True}, **SAME, **bearer(TOKEN))
    assert answer.status == 200
    assert "no-store" in answer.headers["cache-control"]
    name_and_value, *attributes = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert TOKEN not in name_and_value
    return name_and_value


async def test_a_page_of_this_server_gets_a_cookie_for_the_token(closed: Client) -> None:
    assert (await session(closed, "GET")).json == {"access": "TOKEN", "isSignedIn": False, "ways": ["TOKEN"]}
    kept = await cookie(closed)
    port = closed.url.split(":")[2].split("/")[0]
    assert kept.startswith(f"repartee_{port}=")
    assert (await session(closed, "GET", cookie=kept, **SAME)).json["isSignedIn"] is True
    for name, attempt in TRIES.items():
        if name != "connection_init":
            assert await attempt(closed, cookie=kept, **SAME) == ANSWERED, name
    value = kept.partition("=")[2]
    assert await TRIES["json"](closed, **bearer(value)) == REFUSED
    assert await TRIES["json"](closed, cookie=kept[:-1], **SAME) == REFUSED


async def test_a_wrong_token_is_not_made_good_by_the_cookie(closed: Client) -> None:
    kept = await cookie(closed)
    for name, attempt in TRIES.items():
        assert await attempt(closed, cookie=kept, authorization="Bearer wrong", **SAME) == REFUSED, name


@pytest.mark.parametrize("transport", ["json", "sse", "multipart", "handshake"])
async def test_the_cookie_counts_for_pages_of_this_server_only(closed: Client, transport: str) -> None:
    kept, attempt = await cookie(closed), TRIES[transport]
    own = closed.url.removesuffix("/graphql")
    assert await attempt(closed, cookie=kept, origin=own) == ANSWERED
    for site in ("same-site", "cross-site", "none"):
        assert await attempt(closed, cookie=kept, sec_fetch_site=site) == REFUSED
    assert await attempt(closed, cookie=kept) == REFUSED
    if transport != "handshake":
        other = own.rpartition(":")[0] + ":1"
        assert await attempt(closed, cookie=kept, origin=other) == REFUSED


async def test_a_query_by_get_needs_no_header_of_a_browser(closed: Client) -> None:
    assert await TRIES["get"](closed, cookie=await cookie(closed)) == ANSWERED


async def test_only_a_page_of_this_server_signs_in_and_out(closed: Client) -> None:
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://app.example"}, {}):
        answer = await session(closed, "POST", {"cookie": True}, **bearer(TOKEN), **headers)
        assert (answer.status, "set-cookie" in answer.headers) == (403, False)
        answer = await session(closed, "DELETE", **headers)
        assert (answer.status, "set-cookie" in answer.headers) == (403, False)
        answer = await session(closed, "DELETE", **bearer(TOKEN), **headers)
        assert (answer.status, "set-cookie" in answer.headers) == (200, False)
    assert (await session(closed, "POST", {"cookie": True}, **SAME, **bearer("wrong"))).status == 401
    assert (await session(closed, "POST", {"cookie": True}, **SAME)).status == 401
    assert (await session(closed, "POST", {}, **SAME, **bearer(TOKEN))).status == 400
    answer = await session(closed, "DELETE", **SAME)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await session(closed, "PATCH", **SAME)).status == 405


FORWARDED = {"x_forwarded_for": "192.0.2.1"}, {"forwarded": "for=192.0.2.1"}, {"x_real_ip": "192.0.2.1"}


@pytest.mark.parametrize("headers", FORWARDED)
async def test_an_open_server_answers_no_tunnel(client: Client, headers: dict[str, str]) -> None:
    for path in ("/graphql", "/session", "/health", "/playground/x.js"):
        answer = await exchange(client.url, "GET", path=path, **headers)
        assert (answer.status, answer.error["extensions"]["code"]) == (403, "FORWARDED_REQUEST")
        assert "REPARTEE_ACCESS" in answer.error["message"]


@pytest.mark.parametrize("headers", FORWARDED)
async def test_a_server_with_a_token_may_have_a_proxy(closed: Client, headers: dict[str, str]) -> None:
    assert await TRIES["json"](closed, **headers, **bearer(TOKEN)) == ANSWERED


@pytest.mark.parametrize(
    ("mode", "given"),
    [
        ("open", {}),
        ("open", {"host": "::1"}),
        ("open", {"host": "localhost", "trusted_hosts": ("repartee.localhost", "127.0.0.2")}),
        ("token", {"host": "0.0.0.0"}),
        ("token", {"host": "192.168.1.5"}),
        ("token", {"trusted_hosts": ("chat.example",)}),
        ("token", {"trusted_hosts": ("*",)}),
        ("open", {"host": "0.0.0.0", "access": "open"}),
        ("token", {"access": "token"}),
        ("accounts", {"access": "accounts"}),
    ],
)
def test_a_server_that_others_reach_is_closed(mode: str, given: dict[str, Any]) -> None:
    assert mode_of(Settings(_env_file=None, **given)) == AccessMode(mode)


async def test_on_the_network_without_settings_the_link_opens_and_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as errors:
        async with program(tmp_path, errors, HOST="0.0.0.0", LOG_LEVEL="debug") as (process, said):
            [link] = [line.split()[1] for line in said if line.split()[:1] == ["open"]]
            page, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)#token=([\w-]{43})", link).groups()
            url = f"{page}graphql"
            async with httpx2.AsyncClient() as http:
                client = Client(http, url)
                for name, attempt in TRIES.items():
                    assert (await attempt(client), await attempt(client, **bearer(token))) == (
                        REFUSED,
                        ANSWERED,
                    ), name
                for path, status in (("/health", 200), ("/session", 200), ("/nothing", 404)):
                    assert (await http.get(url.replace("/graphql", path))).status_code == status
            process.terminate()
            await process.wait()
    assert token not in log.read_text()


async def test_the_token_of_the_settings_is_not_printed(tmp_path: Path) -> None:
    async with program(tmp_path, ACCESS="token", TOKEN=TOKEN) as (_, said):
        assert TOKEN not in "".join(said)


async def test_who_opens_a_server_to_others_is_warned(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as errors:
        async with program(tmp_path, errors, HOST="0.0.0.0", ACCESS="open"):
            pass
    assert "whoever reaches it" in log.read_text()
