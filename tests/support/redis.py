"""A Redis or Valkey for tests: the one that is named, the one of this machine, or one that is started."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

USUAL_PORT = 6379


@contextmanager
def available() -> Iterator[str]:
    """Give the URL of a server that runs, or skip."""
    if url := os.environ.get("REPARTEE_TEST_REDIS"):
        yield url
    elif _listens(USUAL_PORT):
        yield f"redis://127.0.0.1:{USUAL_PORT}/0"
    else:
        with RedisServer() as server:
            yield server.url


class RedisServer:
    """A server of the test's own, which may be killed and started again on its port."""

    def __init__(self) -> None:
        program = shutil.which("valkey-server") or shutil.which("redis-server")
        if program is None:
            pytest.skip("there is no redis-server on this machine; set REPARTEE_TEST_REDIS to its URL")
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            program,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--loglevel",
            "warning",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not _listens(self.port):
            assert time.monotonic() < deadline, "redis-server does not listen"
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
