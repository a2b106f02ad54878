"""WebSockets that count a subscription's results: light enough for thousands of watchers in one process."""

import asyncio
import base64
import json
import os
from typing import Any, cast

_ACKNOWLEDGED = b"connection_ack"


class LightSocket(asyncio.Protocol):
    """Subscribes once it is acknowledged, then counts. `ended` is set by the operation's or the socket's end."""

    def __init__(self, host: str, document: str, variables: dict[str, Any]) -> None:
        self._host = host
        payload = {"query": document, "variables": variables}
        self._subscribe = json.dumps({"id": "1", "type": "subscribe", "payload": payload}).encode()
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._is_open = False
        self.results = 0
        self.last = b""
        self.subscribed = asyncio.Event()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /graphql HTTP/1.1",
            f"Host: {self._host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: graphql-transport-ws",
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._is_open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            assert b" 101 " in head, head
            self._is_open = True
            self._send(b'{"type": "connection_init"}')
        at = 0
        while (frame := _frame(data, at)) is not None:
            start, at = frame
            self._read(data[start:at])
        self._rest = data[at:]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _read(self, payload: bytes) -> None:
        if b'"next"' in payload:
            self.results += 1
            self.last = payload
        elif _ACKNOWLEDGED in payload:
            self._send(self._subscribe)
            self.subscribed.set()
        elif b'"complete"' in payload:
            self.ended.set()
        elif b'"error"' in payload:
            raise AssertionError(payload)

    def _send(self, payload: bytes) -> None:
        assert self._transport is not None
        assert len(payload) < 1 << 16
        size = bytes([128 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        # A mask of zeros changes nothing.
        self._transport.write(b"\x81" + size + bytes(4) + payload)


def _frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Returns where the payload of the frame at `at` begins and ends; None when it is not complete."""
    if len(data) < at + 2:
        return None
    length, start = data[at + 1], at + 2
    if length >= 126:
        size = 2 if length == 126 else 8
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    return None if len(data) < start + length else (start, start + length)
