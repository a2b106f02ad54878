"""Credentials on each transport, and what a server says to them."""

import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.schema.endpoint.raw import exchange, post
from tests.support.client import PROTOCOL, Client

QUERY = {"query": "{ characters(first: 1) { name } }"}
REFUSED = "refused"
ANSWERED = "answered"

# Sends a query with these headers; returns how it went.
Try = Callable[..., Awaitable[str]]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _over_http(accept: str) -> Try:
    async def send(client: Client, **headers: str) -> str:
        answer = await post(client.url, QUERY, accept, **headers)
        if answer.status == 401:
            assert answer.error["extensions"]["code"] == "UNAUTHENTICATED"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            return REFUSED
        assert b"characters" in answer.body, answer.body
        return ANSWERED

    return send


async def _over_get(client: Client, **headers: str) -> str:
    path = "/graphql?query=%7Bcharacters%28first%3A1%29%7Bname%7D%7D"
    answer = await exchange(client.url, "GET", path=path, accept="application/json", **headers)
    return REFUSED if answer.status == 401 else ANSWERED


async def _over_socket(client: Client, **headers: str) -> str:
    """With the headers in the handshake."""
    return await over_socket(client, None, headers)


async def _over_init(client: Client, **headers: str) -> str:
    """With the headers in the payload of connection_init."""
    authorization = {key: value for key, value in headers.items() if key == "authorization"}
    others = {key: value for key, value in headers.items() if key not in authorization}
    return await over_socket(client, {"headers": authorization}, others)


async def over_socket(client: Client, payload: Any, headers: dict[str, str]) -> str:
    url = client.url.replace("http", "ws", 1)
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    async with connect(url, subprotocols=[PROTOCOL], additional_headers=sent) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        with contextlib.suppress(ConnectionClosed):
            await socket.recv()
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": QUERY}))
            assert "characters" in str(await socket.recv())
            return ANSWERED
    assert (socket.close_code, str(socket.close_reason)[:9]) == (4403, "Forbidden")
    return REFUSED


TRIES: dict[str, Try] = {
    "json": _over_http("application/json"),
    "graphql-response": _over_http("application/graphql-response+json"),
    "sse": _over_http("text/event-stream"),
    "multipart": _over_http("multipart/mixed;subscriptionSpec=1.0"),
    "get": _over_get,
    "handshake": _over_socket,
    "connection_init": _over_init,
}
