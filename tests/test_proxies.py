"""The README's lines for nginx and Caddy, run by the real programs before real servers, over TLS."""

import asyncio
import json
import re
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from services.settings import Settings
from tests.schema.endpoint.http.test_slow_clients import IMPORT
from tests.support.client import Client, subscribe
from tests.support.makers import until
from tests.support.processes import started
from tests.support.proxies import NAME, PROXIES, README, ProxiedClient, proxied
from tests.test_app import SEND, WATCH, collect, fold
from tests.test_many_servers import CHANGED
from tests.test_processes import LAST, first_conversation

TOKEN = "a token of the tests alone"
NAMES = "{ characters { name } }"
MAX_BODY = Settings.model_fields["max_body"].default


def settings() -> dict[str, str]:
    """Returns what the README says that a server behind a proxy has, and a token."""
    [sentence] = re.findall(r"^The server then has (.*)\.$", README, re.MULTILINE)
    said = dict(re.findall(r"`REPARTEE_(\w+)=(\S+)`", sentence))
    assert said.keys() == {"TRUSTED_HOSTS", "TRUSTED_PROXIES"}
    return said | {"ACCESS": "token", "TOKEN": TOKEN}


@pytest.fixture(params=PROXIES)
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ProxiedClient]:
    async with (
        started(tmp_path, BUILTIN_PACE="60", **settings()) as (_, server),
        proxied(request.param, tmp_path, TOKEN, server) as client,
    ):
        yield client


async def test_queries_and_the_page_come_through_also_by_http_2(client: ProxiedClient) -> None:
    answer = await client.http.post(client.url, json={"query": NAMES})
    assert answer.json() == {"data": {"characters": [{"name": "Ayla"}]}}
    assert re.fullmatch(r"[0-9a-f-]{32,36}", answer.headers["x-request-id"])
    page = await client.http.get(client.url.replace("graphql", ""), headers={"accept": "text/html"})
    assert "<html" in page.text
    trust = client.trust()
    trust.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", client.port, ssl=trust, server_hostname=NAME)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()


async def last_of(client: Client, id: str) -> dict[str, Any]:
    last: dict[str, Any] = (await client.run(LAST, id=id))["conversation"]["lastMessage"]
    return last


@pytest.mark.parametrize("transport", ["watch", "watch_multipart", "watch_socket"])
async def test_a_reply_comes_as_it_is_written(client: ProxiedClient, transport: str) -> None:
    id = await first_conversation(client)
    after = (await client.run(SEND, id=id, content="Hello", mode="BACKGROUND"))["sendMessage"]["streamCursor"]
    async with aclosing(getattr(client, transport)(WATCH, id=id, after=after)) as events:
        seen = [(await anext(events))["data"]["replyStream"] for _ in range(3)]
        # A proxy that gathers what it forwards would have shown nothing yet.
        assert (await last_of(client, id))["status"] in ("PENDING", "STREAMING")
        seen += await collect(events)
    last = await last_of(client, id)
    assert (last["status"], last["content"]) == ("COMPLETED", fold(seen))


@pytest.mark.parametrize("kind", PROXIES)
async def test_a_client_who_leaves_a_stream_frees_its_place_soon(kind: str, tmp_path: Path) -> None:
    async with (
        started(tmp_path, MAX_CONNECTIONS="1", **settings()) as (_, server),
        proxied(kind, tmp_path, TOKEN, server) as client,
    ):
        id = await first_conversation(client)

        async def is_free() -> bool:
            async with aclosing(client.watch(CHANGED, id=id)) as events:
                return "errors" not in await anext(events, {"errors": "there is no place"})

        assert await is_free()
        await until(is_free)


async def test_a_long_history_is_taken_up_to_the_limit(client: ProxiedClient) -> None:
    [character] = (await client.run("{ characters { id } }"))["characters"]
    history = [{"role": "user", "content": "x" * 99_900}] * (MAX_BODY // 100_000)
    request = {"query": IMPORT, "variables": {"id": character["id"], "history": history}}
    body = json.dumps(request).ljust(MAX_BODY)
    headers = {"content-type": "application/json"}
    answer = await client.http.post(client.url, content=body, headers=headers)
    assert answer.json()["data"]["importConversation"]["conversation"]
    async with client.socket() as socket:
        payload = {"id": "1", "type": "subscribe", "payload": request}
        await socket.send(json.dumps(payload).ljust(MAX_BODY))
        assert json.loads(await socket.recv())["payload"]["data"]["importConversation"]["conversation"]
    assert (await client.http.post(client.url, content=body + " ", headers=headers)).status_code == 413


async def test_a_browser_is_known_by_its_cookie_and_pages_of_others_by_their_origin(client: ProxiedClient) -> None:
    session, page = client.url.replace("graphql", "session"), {"sec-fetch-site": "same-origin"}
    signed_in = await client.http.post(session, json={"cookie": True}, headers=page)
    cookie, *attributes = signed_in.headers["set-cookie"].split("; ")
    assert cookie.startswith("__Host-repartee_443=")
    assert "Secure" in attributes
    client.http.cookies.clear()
    del client.http.headers["authorization"]
    client.init = {"type": "connection_init"}
    browser = page | {"cookie": cookie}
    statuses = [
        (await client.http.post(client.url, json={"query": NAMES}, headers=headers)).status_code
        for headers in (browser, {"cookie": cookie}, page)
    ]
    assert statuses == [200, 401, 401]
    async with client.connected(origin=Origin(f"https://{NAME}"), additional_headers={"cookie": cookie}) as socket:
        for message, answer in ((json.dumps(client.init), "connection_ack"), (subscribe("1", NAMES), "next")):
            await socket.send(message)
            assert json.loads(await socket.recv())["type"] == answer
    with pytest.raises(InvalidStatus) as caught:
        await client.connected(origin=Origin("https://elsewhere.example"))
    assert caught.value.response.status_code == 403


async def test_a_name_that_is_not_trusted_gets_nothing(client: ProxiedClient) -> None:
    answer = await client.http.post(client.url, json={"query": NAMES}, headers={"host": "elsewhere.example"})
    assert "Ayla" not in answer.text


@asynccontextmanager
async def pair(kind: str, folder: Path, database: str) -> AsyncIterator[tuple[Process, ProxiedClient]]:
    """Give a client of the proxy before two servers, and the process of one of them."""
    given = settings() | {"DATABASE_URL": database, "DRAIN_DELAY": "5"}
    async with (
        started(folder, **given) as (process, one),
        started(folder, **given) as (_, two),
        proxied(kind, folder, TOKEN, one, two) as client,
    ):
        yield process, client


@pytest.mark.parametrize("kind", PROXIES)
async def test_when_one_of_two_servers_is_stopped_no_request_fails(
    kind: str, tmp_path: Path, shared_database: str
) -> None:
    async with pair(kind, tmp_path, shared_database) as (process, client):
        assert await open_after(client, process.terminate) == 10
        while process.returncode is None:
            assert await are_answered(client)
        assert process.returncode == 0
        assert await are_answered(client)


@pytest.mark.parametrize("kind", PROXIES)
async def test_when_one_of_two_servers_dies_the_other_answers(
    kind: str, tmp_path: Path, shared_database: str
) -> None:
    async with pair(kind, tmp_path, shared_database) as (victim, client):
        assert await open_after(client, lambda: None) == 10
        left = await open_after(client, victim.kill)
        assert 0 < left < 10
        if kind == "caddy":
            # Debian 12's takes a POST to no other server before it has seen by /ready that this one is gone.
            await until(partial(are_answered, client))
        assert await are_answered(client)


async def are_answered(client: Client) -> bool:
    asked = [await client.http.post(client.url, json={"query": NAMES}) for _ in range(10)]
    return [answer.status_code for answer in asked] == [200] * 10


async def open_after(client: Client, event: Any) -> int:
    """Open ten WebSockets, let it happen, and return how many of them still answer."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(client.socket()) for _ in range(10)]
        event()
        return sum(await asyncio.gather(*map(answers, sockets)))


async def answers(socket: Any) -> bool:
    try:
        await socket.send(subscribe("1", NAMES))
        return bool(json.loads(await socket.recv())["type"] == "next")
    except Exception:
        return False
