"""Sign-on by tokens of an issuer that we did not write: oidc-provider, from npm."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from models import Database
from services.settings import Settings
from tests.clients.conftest import HERE
from tests.conftest import serving
from tests.schema.endpoint.access.test_endings import over_http, over_socket
from tests.support.accounts import with_accounts
from tests.support.client import Client, signed_in
from tests.support.credentials import ANSWERED, REFUSED, TRIES, bearer


@dataclass
class OidcProvider:
    url: str
    process: Process

    async def ask(self, **wish: Any) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(wish).encode() + b"\n")
        while not (line := await self.process.stdout.readline()).startswith(b"{"):
            assert line, "the issuer has ended"
        return json.loads(line)

    async def token(self, seconds: int = 300) -> str:
        return (await self.ask(token=seconds))["token"]


@pytest.fixture
async def issuer(node: str) -> AsyncIterator[OidcProvider]:
    process = await asyncio.create_subprocess_exec(node, HERE / "issuer.mjs", stdin=PIPE, stdout=PIPE)
    assert process.stdout
    while not (line := await process.stdout.readline()).startswith(b"{"):
        assert line, "the issuer did not start"
    yield OidcProvider(json.loads(line)["url"], process)
    process.kill()
    await process.communicate()


async def test_its_tokens_sign_in_through_rotation_expiry_and_outage(
    settings: Settings, database: Database, issuer: OidcProvider
) -> None:
    settings = settings.model_copy(update={"jwt_issuer": issuer.url, "jwt_audience": "repartee"})
    async with with_accounts(settings, database) as services, serving(services) as server:
        assert services.access.outsiders.issuer
        services.access.outsiders.issuer.refetch_seconds = 0.0
        first = await issuer.token()
        assert {await attempt(server, **bearer(first)) for attempt in TRIES.values()} == {ANSWERED}

        await issuer.ask(rotate="second")
        assert await TRIES["json"](server, **bearer(await issuer.token())) == ANSWERED

        known = await issuer.token()
        await issuer.ask(down=True)
        assert await TRIES["json"](server, **bearer(known)) == ANSWERED
        await issuer.ask(down=False)

        short = await issuer.token(seconds=4)
        await watch_until_it_ends(server, services, short)
        # A clock may be ten seconds behind.
        await asyncio.sleep(10)
        assert await TRIES["json"](server, **bearer(short)) == REFUSED


async def watch_until_it_ends(server: Client, services: Any, token: str) -> None:
    async with signed_in(server, token) as client, asyncio.timeout(8):
        owner = (await client.run("{ viewer { user { id name } } }"))["viewer"]["user"]
        assert owner["name"] == "bot"
        [character] = (await client.run("{ characters { conversations { id } } }"))["characters"]
        talk = character["conversations"][0]["id"]
        opened = asyncio.Event(), asyncio.Event()
        events, closed = await asyncio.gather(
            over_http(client, "text/event-stream", talk, opened[0]), over_socket(client, talk, opened[1])
        )
    assert "UNAUTHENTICATED" in events
    assert closed[0] == 4403
