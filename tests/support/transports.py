"""The ways to ask a server, with the bytes that come back: JSON, server-sent events, multipart, WebSocket."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.support.client import Client, subscribe

# Seconds after which a stream that has not ended is taken for one that goes on, and the mark that it then gets.
PATIENCE = 3.0
STILL_OPEN = b"[still open]"

_RESULT = re.compile(rb"^(?:data: )?(\{.*\})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """What came back: status, content type and body. Over a WebSocket the body is the messages, one a line."""

    body: bytes
    status: int = 0
    content_type: str = ""

    @property
    def results(self) -> list[dict[str, Any]]:
        """Returns the GraphQL results in the body."""
        found = [json.loads(text) for text in _RESULT.findall(self.body)]
        payloads = [one.get("payload", one) for one in found if one.get("type") != "complete"]
        return [{"errors": one} if isinstance(one, list) else one for one in payloads]

    def without(self, ids: Mapping[str, str]) -> "Answer":
        """Returns the answer with the kind of each id in its place."""
        body = self.body
        for kind, id in ids.items():
            body = body.replace(id.encode(), b"<%b>" % kind.encode())
        return Answer(body, self.status, self.content_type)


@dataclass(frozen=True)
class Line:
    """A client, and a WebSocket of its that is acknowledged."""

    client: Client
    socket: ClientConnection


@asynccontextmanager
async def opened_line(client: Client) -> AsyncGenerator[Line, None]:
    async with client.socket() as socket:
        yield Line(client, socket)


# Takes a line, a document, its variables, and the patience.
Transport = Callable[..., Awaitable[Answer]]


def _over_http(accept: str) -> Transport:
    async def ask(line: Line, document: str, variables: dict[str, Any], patience: float = PATIENCE) -> Answer:
        request, headers = {"query": document, "variables": variables}, {"accept": accept}
        body = bytearray()
        async with line.client.http.stream("POST", line.client.url, json=request, headers=headers) as response:
            try:
                async with asyncio.timeout(patience):
                    async for chunk in response.aiter_bytes():
                        body += chunk
            except TimeoutError:
                body += STILL_OPEN
        return Answer(bytes(body), response.status_code, response.headers["content-type"])

    return ask


async def _over_websocket(
    line: Line, document: str, variables: dict[str, Any], patience: float = PATIENCE
) -> Answer:
    frames: list[bytes] = []
    await line.socket.send(subscribe("1", document, **variables))
    try:
        async with asyncio.timeout(patience):
            while not frames or json.loads(frames[-1])["type"] == "next":
                frames.append(await line.socket.recv(decode=False))
    except TimeoutError:
        await line.socket.send('{"id": "1", "type": "complete"}')
        frames.append(STILL_OPEN)
    return Answer(b"\n".join(frames))


TRANSPORTS: dict[str, Transport] = {
    "json": _over_http("application/json"),
    "sse": _over_http("text/event-stream"),
    "multipart": _over_http("multipart/mixed;subscriptionSpec=1.0"),
    "websocket": _over_websocket,
}
