"""A small GraphQL client over real connections: HTTP, server-sent events, and graphql-transport-ws."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")


class Client:
    """With a `token`, `http` must send it in its headers; the sockets do it in connection_init."""

    def __init__(self, http: httpx2.AsyncClient, url: str, token: str | None = None) -> None:
        self.http = http
        self.url = url
        self.init = {"type": "connection_init"} if token is None else authorized(token)

    async def post(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the whole answer."""
        response = await self.http.post(self.url, json={"query": document, "variables": variables})
        return response.json()

    async def run(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the answer's data; an answer with errors fails the test."""
        answer = await self.post(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def fail(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the answer's one error."""
        [error] = (await self.post(document, **variables))["errors"]
        return error

    async def watch(self, document: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Yield a subscription's results over server-sent events."""
        async with aclosing(self._lines("text/event-stream", document, variables)) as lines:
            async for line in lines:
                data = line.removeprefix("data:").strip()
                if line.startswith("data:") and data:
                    yield json.loads(data)

    async def watch_multipart(self, document: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Yield a subscription's results over a multipart response."""
        async with aclosing(self._lines("multipart/mixed;subscriptionSpec=1.0", document, variables)) as lines:
            async for line in lines:
                if line.startswith('{"payload"'):
                    yield json.loads(line)["payload"]

    async def _lines(self, media: str, document: str, variables: dict[str, Any]) -> AsyncGenerator[str, None]:
        request, headers = {"query": document, "variables": variables}, {"accept": media}
        async with self.http.stream("POST", self.url, json=request, headers=headers, timeout=60) as response:
            async for line in response.aiter_lines():
                yield line

    @asynccontextmanager
    async def socket(self) -> AsyncGenerator[ClientConnection, None]:
        """Open a WebSocket that is acknowledged."""
        async with self.connected() as socket:
            await socket.send(json.dumps(self.init))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            yield socket

    def connected(self) -> connect:
        return connect(self.url.replace("http", "ws", 1), subprotocols=[PROTOCOL])

    async def watch_socket(self, document: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Yield a subscription's results over a WebSocket of its own."""
        async with self.socket() as socket:
            await socket.send(subscribe("1", document, **variables))
            while (message := json.loads(await socket.recv()))["type"] == "next":
                yield message["payload"]
            if message["type"] == "error":
                yield {"errors": message["payload"]}


@asynccontextmanager
async def signed_in(client: Client, token: str) -> AsyncGenerator[Client, None]:
    """Give another client of the same server, with a credential."""
    async with httpx2.AsyncClient(timeout=60, headers={"authorization": f"Bearer {token}"}) as http:
        yield Client(http, client.url, token)


def authorized(token: str) -> dict[str, Any]:
    return {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}


def subscribe(operation: str, document: str, **variables: Any) -> str:
    return json.dumps(
        {"id": operation, "type": "subscribe", "payload": {"query": document, "variables": variables}}
    )
