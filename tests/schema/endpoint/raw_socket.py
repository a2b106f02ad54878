"""A connection that sends and reads only what it is told to: byte for byte, and as slowly as a test wants."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

_UPGRADE = b"""GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r
Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"""


class RawSocket:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def read(self, size: int = 65536) -> bytes:
        """Return what has come; nothing when the server has closed or reset the connection."""
        try:
            async with asyncio.timeout(20):
                return await self._loop.sock_recv(self._socket, size)
        except ConnectionResetError:
            return b""

    async def read_all(self) -> bytes:
        read = b""
        while part := await self.read():
            read += part
        return read

    async def upgrade(self) -> None:
        """Become a WebSocket that is acknowledged."""
        await self.send(_UPGRADE)
        assert b"101 Switching" in await self.read()
        await self.send_message({"type": "connection_init"})
        assert b"connection_ack" in await self.read()

    async def send_message(self, message: object) -> None:
        await self.send(frame(json.dumps(message).encode()))


def frame(text: bytes) -> bytes:
    """Return a text message as a client sends it, masked with zeros."""
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


def post(body: bytes, accept: str = "application/json", length: int | None = None) -> bytes:
    head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Accept: {accept}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def raw_socket(url: str, receive_buffer: int = 4096) -> AsyncIterator[RawSocket]:
    address = urlsplit(url)
    with socket.socket() as connected:
        # The less the client's system takes for it, the sooner the server waits for the client.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, (address.hostname, address.port))
        yield RawSocket(connected)
