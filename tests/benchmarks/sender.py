"""Sends requests when told to, and prints how many seconds each took: `python -m tests.benchmarks.sender URL`.

A process of its own, because a client that also reads a thousand events sees every answer late. Each line of its
input is the body of a request. `Sender` is the program for one who starts it.
"""

import http.client
import json
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.support.processes import module


class Sender:
    def __init__(self, process: Process) -> None:
        self._process = process

    async def seconds(self, document: str, **variables: Any) -> float:
        """Sends an operation, and returns how long the answer took."""
        assert self._process.stdin
        assert self._process.stdout
        body = json.dumps({"query": document, "variables": variables})
        self._process.stdin.write(body.encode() + b"\n")
        return float(await self._process.stdout.readline())


@asynccontextmanager
async def sender(url: str) -> AsyncIterator[Sender]:
    async with module("tests.benchmarks.sender", url) as process:
        yield Sender(process)


def _answer_takes(connection: http.client.HTTPConnection, path: str, body: bytes) -> float:
    begin = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    seconds = time.perf_counter() - begin
    assert "errors" not in answer, answer
    return seconds


def main(url: str) -> None:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc)
    for line in sys.stdin:
        body = line.strip().encode()
        try:
            seconds = _answer_takes(connection, address.path, body)
        except ConnectionError:
            # The server closes a connection that was idle for some seconds.
            connection.close()
            seconds = _answer_takes(connection, address.path, body)
        print(seconds, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
