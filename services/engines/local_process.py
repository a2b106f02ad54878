"""The process of the local model: started when it is needed, and again when it has died."""

import asyncio
import json
import logging
import math
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import httpx2

from models import FailureCode
from services.engines import EngineError
from services.engines.faults import unavailable
from services.engines.weights import Weights

_log = logging.getLogger(__name__)

_CONTEXT_LENGTH = 2048
_PROGRAM = Path(__file__).with_name("local_child.py")
_LONGEST_FOLDER = 90
_START_LIMIT = 180.0
_STARTS, _STARTS_SPAN = 3, 60.0


class LocalProcess:
    """One process that serves a model on a socket in a folder of its own."""

    def __init__(self, weights: Weights) -> None:
        self._folder = _private_folder()
        self._key = secrets.token_hex(16)
        self._transport = httpx2.AsyncHTTPTransport(
            uds=str(self._socket), verify=False, limits=httpx2.Limits(max_keepalive_connections=0)
        )
        self._process = subprocess.Popen(
            # Without -P its folder would be a place to import from, and the modules there have common names.
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if _log.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._tell(weights)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    async def answer(self) -> str:
        """Wait for its one word about how loading went; there is none when it died over that."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_START_LIMIT):
            return (await asyncio.to_thread(self._process.stdout.readline)).strip()

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return await self._transport.handle_async_request(request)

    async def end(self) -> None:
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        await self._transport.aclose()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _socket(self) -> Path:
        return self._folder / "s.sock"

    def _tell(self, weights: Weights) -> None:
        assert self._process.stdin is not None
        told = {
            "model": str(weights.path),
            "name": weights.name,
            "socket": str(self._socket),
            "key": self._key,
            "context_length": _CONTEXT_LENGTH,
            # With all cores busy the native threads wait for each other more than they work.
            "threads": max(1, (os.cpu_count() or 1) - 1),
        }
        # One that died at once is noticed by its missing answer.
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(told) + "\n")
            self._process.stdin.flush()


class LocalProcesses(httpx2.AsyncBaseTransport):
    """Sends each request to a living process. One that has died is replaced, though not again and again."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._process: LocalProcess | None = None
        self._start: asyncio.Task[LocalProcess] | None = None
        self._starts: deque[float] = deque(maxlen=_STARTS)
        self._flaw: str | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await (await self._living()).send(request)

    async def aclose(self) -> None:
        if self._start is not None:
            self._start.cancel()
            await asyncio.gather(self._start, return_exceptions=True)
        await self._bury()

    async def _living(self) -> LocalProcess:
        if self._start is None or _is_over(self._start):
            self._start = asyncio.create_task(self._started())
        start = self._start
        # Loading goes on when one of those who wait for it gives up.
        await asyncio.wait([start])
        if start.cancelled():
            raise unavailable("The local model is being closed.")
        return start.result()

    async def _started(self) -> LocalProcess:
        await self._bury()
        self._refuse_if_hopeless()
        self._starts.append(time.monotonic())
        try:
            if not await asyncio.to_thread(self._weights.are_whole):
                raise self._given_up("is damaged; install it again")
            self._process = LocalProcess(self._weights)
            answer = await self._process.answer()
        except OSError as error:  # TimeoutError is one.
            await self._bury()
            raise unavailable("The local model could not be started.") from error
        if answer == "failed":
            await self._bury()
            raise self._given_up("cannot be loaded; it is damaged, of an unknown kind, or too big")
        if answer != "ready":
            raise unavailable("The local model's process ended while it was loading.")
        _log.info("The local model %s runs as process %d", self._weights.name, self._process.pid)
        return self._process

    async def _bury(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    def _refuse_if_hopeless(self) -> None:
        if self._flaw is not None:
            raise EngineError(FailureCode.ENGINE_UNAVAILABLE, self._flaw, retryable=False)
        if len(self._starts) == _STARTS and (wait := self._starts[0] + _STARTS_SPAN - time.monotonic()) > 0:
            raise unavailable("The local model ended again and again.", math.ceil(wait))

    def _given_up(self, flaw: str) -> EngineError:
        """Remember what no further start would mend."""
        self._flaw = f"The model file {self._weights.path.name} {flaw}."
        _log.error("%s", self._flaw)
        return EngineError(FailureCode.ENGINE_UNAVAILABLE, self._flaw, retryable=False)


def _is_over(start: asyncio.Task[LocalProcess]) -> bool:
    return start.done() and (start.cancelled() or start.exception() is not None or start.result().has_ended)


def _private_folder() -> Path:
    """Make a folder for a socket, whose path must be short, and is not below the folders that some systems use."""
    folder = Path(tempfile.mkdtemp(prefix="repartee-"))
    if len(os.fsencode(folder)) <= _LONGEST_FOLDER:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="repartee-", dir="/tmp"))
