"""The three ways of the README to say who may use the server, each run as it stands there."""

import re
from pathlib import Path

import httpx2
import pytest

from tests.support.accounts import PASSWORD
from tests.support.client import Client
from tests.support.credentials import ANSWERED, REFUSED, TRIES, bearer
from tests.support.issuer import issuing
from tests.support.processes import command, started

README = (Path(__file__).parents[1] / "README.md").read_text()
NAMED = {"host": "chat.example.org", "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.7"}
SAME = {"sec-fetch-site": "same-origin"}


def settings_of(way: str) -> dict[str, str]:
    """Return the settings of the one command that has this one among them."""
    [line] = [line for line in README.splitlines() if way in line and line.endswith("app.py")]
    return dict(re.findall(r"REPARTEE_(\w+)=(\S+)", line))


async def test_alone_on_this_machine_there_is_nothing_to_do(tmp_path: Path) -> None:
    async with started(tmp_path) as (_, client):
        assert {await attempt(client) for attempt in TRIES.values()} == {ANSWERED}


@pytest.fixture
def small_server() -> dict[str, str]:
    lines = [line for line in README.splitlines() if "ACCESS=accounts" in line and "PROXY_USER" not in line]
    [line] = [line for line in lines if "TRUSTED_HOSTS" in line]
    return dict(re.findall(r"REPARTEE_(\w+)=(\S+)", line))


async def test_friends_on_a_small_server_behind_caddy(tmp_path: Path, small_server: dict[str, str]) -> None:
    [adding] = re.findall(r"^\.venv/bin/python app\.py (user add .*)$", README, re.MULTILINE)
    code = (await command(tmp_path, *adding.split())).split()[-1]
    async with started(tmp_path, **small_server) as (_, client):
        url = client.url.replace("graphql", "session")
        choose = {"setupCode": code, "newPassword": PASSWORD, "cookie": True}
        answer = await client.http.post(url, json=choose, headers=NAMED | SAME)
        cookie, *attributes = answer.headers["set-cookie"].split("; ")
        assert cookie.startswith("__Host-repartee_443=rpt_s_")
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
        asked = {"query": "{ viewer { user { name role } } characters { name } }"}
        answer = await client.http.post(client.url, json=asked, headers=NAMED | SAME | {"cookie": cookie})
        data = answer.json()["data"]
        assert data["viewer"]["user"] == {"name": "ada", "role": "ADMIN"}
        # The chats of the time before are the first admin's.
        assert data["characters"] == [{"name": "Ayla"}]
        assert (await client.http.post(client.url, json=asked, headers=NAMED)).status_code == 401


async def test_an_organisation_with_an_issuer(tmp_path: Path) -> None:
    settings = settings_of("JWT_ISSUER")
    async with issuing() as issuer:
        settings["JWT_ISSUER"] = issuer.url
        assert settings["JWT_AUDIENCE"] == "repartee"
        async with started(tmp_path, **settings) as (_, client):
            token = issuer.token(preferred_username="ada")
            for name, attempt in TRIES.items():
                assert (await attempt(client, **bearer(token)), await attempt(client)) == (ANSWERED, REFUSED), name


async def test_an_organisation_with_a_proxy_that_names_the_user(tmp_path: Path) -> None:
    settings = settings_of("PROXY_USER_HEADER")
    async with started(tmp_path, **settings) as (_, client):
        asked = {"query": "{ viewer { access user { name } } }"}
        named = NAMED | {settings["PROXY_USER_HEADER"]: "ada"}
        answer = await client.http.post(client.url, json=asked, headers=named)
        assert answer.json()["data"]["viewer"] == {"access": "PROXY", "user": {"name": "ada"}}
        assert (await client.http.post(client.url, json=asked, headers=NAMED)).status_code == 401


async def test_workers_share_the_link(tmp_path: Path) -> None:
    async with started(tmp_path, HOST="127.0.0.1", ACCESS="token", arguments=("serve", "--workers", "2")) as (
        _,
        one,
    ):
        url, _, fragment = one.url.partition("#token=")
        async with httpx2.AsyncClient() as http:
            client = Client(http, url)
            for _ in range(6):
                assert await TRIES["json"](client, **bearer(fragment)) == ANSWERED
                assert await TRIES["json"](client) == REFUSED
