"""Raw HTTP requests, byte for byte, for requests that no HTTP client library sends."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

GRAPHQL = "application/graphql-response+json"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        [error] = self.json["errors"]
        return error


async def exchange(url: str, method: str, body: bytes = b"", path: str | None = None, **headers: str) -> Answer:
    """Send one request and read to the end of the connection; `_` in a header's name is `-`."""
    address = urlsplit(url)
    given = {"host": address.netloc, "connection": "close", **headers}
    if body and "transfer_encoding" not in given:
        given.setdefault("content_length", str(len(body)))
    lines = [f"{method} {path or address.path} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    async with asyncio.timeout(20):
        head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *fields = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    return Answer(int(status.split()[1]), named, rest)


async def post(url: str, body: object, accept: str = GRAPHQL, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"accept": accept, "content_type": "application/json", **headers}
    return await exchange(url, "POST", content, **given)
