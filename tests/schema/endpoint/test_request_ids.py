"""X-Request-Id: the same in the request, the response, the error and the log."""

import json
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect

from services import Services
from services.engines.asking import Models
from services.logs import JSONLines
from tests.conftest import serving
from tests.schema.endpoint.test_errors import BrokenEngine
from tests.support.client import PROTOCOL, Client, subscribe

QUERY = {"query": "{ models { name } }"}


async def test_an_id_that_is_given_is_in_the_response_the_error_and_the_log(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(JSONLines())
    async with serving(replace(services, models=Models(BrokenEngine(RuntimeError("broken"))))) as client:
        response = await client.http.post(client.url, json=QUERY, headers={"x-request-id": "from-a-proxy/1"})
    assert response.headers["x-request-id"] == "from-a-proxy/1"
    assert response.json()["errors"][0]["extensions"]["requestId"] == "from-a-proxy/1"
    lines = [json.loads(line) for line in caplog.text.splitlines()]
    assert [line["requestId"] for line in lines if line["level"] == "error"] == ["from-a-proxy/1"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é"])
async def test_an_id_that_could_spoil_a_log_is_replaced(given: str, client: Client) -> None:
    headers = {"x-request-id": given.encode()}
    ids = [
        (await client.http.post(client.url, json=QUERY, headers=headers)).headers["x-request-id"] for _ in range(2)
    ]
    assert ids[0] != ids[1]
    assert all(len(id) == 16 and id.isalnum() for id in ids)


async def test_every_kind_of_response_has_one(client: Client) -> None:
    home = client.url.removesuffix("/graphql")
    for path, status in (("/health", 200), ("/graphql", 415), ("/nothing", 404), ("/playground/nothing", 404)):
        response = await client.http.request("POST" if status == 415 else "GET", home + path)
        assert (response.status_code, len(response.headers["x-request-id"])) == (status, 16), path
    refused = await client.http.get(home, headers={"host": "example.com"})
    assert (refused.status_code, len(refused.headers["x-request-id"])) == (421, 16)
    async with client.http.stream(
        "POST", client.url, json=QUERY, headers={"accept": "text/event-stream"}
    ) as stream:
        assert len(stream.headers["x-request-id"]) == 16


async def test_what_fails_on_a_websocket_has_the_id_of_the_socket(services: Services) -> None:
    broken = replace(services, models=Models(BrokenEngine(RuntimeError("broken"))))
    async with serving(broken) as client:
        url, headers = client.url.replace("http", "ws", 1), {"X-Request-Id": "socket-7"}
        async with connect(url, subprotocols=[PROTOCOL], additional_headers=headers) as socket:
            assert socket.response is not None
            assert socket.response.headers["x-request-id"] == "socket-7"
            await socket.send('{"type": "connection_init"}')
            await socket.recv()
            await socket.send(subscribe("1", QUERY["query"]))
            result = json.loads(await socket.recv())
    assert result["payload"]["errors"][0]["extensions"]["requestId"] == "socket-7"
