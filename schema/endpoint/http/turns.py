"""A transport that writes once in a turn of the event loop."""

import asyncio
from typing import Any


class TurnTransport:
    """Gathers what a connection sends in one turn of the event loop, and writes it when the turn has ended.

    A write wakes its reader, which takes as long as a small query where the reader is on the same machine, as a
    proxy often is. The answers of one turn, written one after the other, wake it once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._gathered: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._gathered.clear()
        self._transport.abort()

    def _flush(self) -> None:
        # The client may have left since.
        if self._gathered and not self._transport.is_closing():
            self._transport.write(b"".join(self._gathered))
        self._gathered.clear()
