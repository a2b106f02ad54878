"""What a worker is told: one line of JSON on its standard input, which stays open while its supervisor lives."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

READY = b"ready\n"


@dataclass(frozen=True)
class Peers:
    """Unix sockets of the supervisor: its hub, and where it tells the address of the local model."""

    hub: Path
    model: Path


@dataclass(frozen=True)
class Instructions:
    """`listener` is a file descriptor that the worker inherits; `token` is the start token, if there is one."""

    number: int
    listener: int
    peers: Peers
    token: str | None = None

    def line(self) -> bytes:
        return json.dumps(asdict(self), default=str).encode() + b"\n"

    @classmethod
    def read(cls) -> "Instructions":
        told = json.loads(sys.stdin.readline())
        peers = Peers(**{name: Path(path) for name, path in told.pop("peers").items()})
        return cls(peers=peers, **told)

    def open_listener(self) -> socket.socket:
        return socket.socket(fileno=self.listener)


def say_ready() -> None:
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


def end_with_supervisor(end: Callable[[], None]) -> None:
    """Calls `end` when the supervisor has ended, whichever way."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def look() -> None:
        loop.remove_reader(descriptor)
        end()

    loop.add_reader(descriptor, look)
