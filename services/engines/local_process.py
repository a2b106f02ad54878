"""Process of the local model: started when it is first needed, and restarted after it ended."""

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
from typing import NamedTuple

from models import FailureCode
from services.engines import EngineError
from services.engines.faults import unavailable
from services.engines.weights import Weights

_log = logging.getLogger(__name__)

_CONTEXT_LENGTH = 2048
_PROGRAM = Path(__file__).with_name("local_child.py")
_MAX_FOLDER_BYTES = 90
_MAX_LOADING_SECONDS = 180.0
_MAX_STARTS, _START_WINDOW_SECONDS = 3, 60.0


class Address(NamedTuple):
    """Where a model is served: the path of a Unix socket, and the key for it."""

    socket: str
    key: str


class LocalProcess:
    """Child process that serves a model on a Unix socket in a private temporary folder."""

    def __init__(self, weights: Weights) -> None:
        self._folder = private_folder()
        self.address = Address(str(self._folder / "s.sock"), secrets.token_hex(16))
        try:
            self._process = _start_program()
        except BaseException:
            # The folder is still empty, and rmtree would fail when no more files can be opened.
            self._folder.rmdir()
            raise
        self._send_settings(weights)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    async def loading_status(self) -> str:
        """Returns `ready` or `failed` when the model is loaded; an empty text when the process ended before."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_MAX_LOADING_SECONDS):
            return (await asyncio.to_thread(self._process.stdout.readline)).strip()

    async def close(self) -> None:
        """Kills the process and removes its folder."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send_settings(self, weights: Weights) -> None:
        assert self._process.stdin is not None
        settings = {
            "parent": os.getpid(),
            "model": str(weights.path),
            "name": weights.name,
            "socket": self.address.socket,
            "key": self.address.key,
            "context_length": _CONTEXT_LENGTH,
            # One core stays free: on all cores the native threads mostly wait for each other.
            "threads": max(1, (os.cpu_count() or 1) - 1),
        }
        # A process that ended at once is noticed by its missing status.
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(settings) + "\n")
            self._process.stdin.flush()


class LocalModel:
    """The local model's process. One that ended is restarted, at most 3 times a minute."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._process: LocalProcess | None = None
        self._start: asyncio.Task[LocalProcess] | None = None
        self._starts: deque[float] = deque(maxlen=_MAX_STARTS)
        self._weights_error: str | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def address(self) -> Address:
        """Returns where the model is served, once it is loaded. Raises EngineError."""
        return (await self._running_process()).address

    async def close(self) -> None:
        if self._start is not None:
            self._start.cancel()
            await asyncio.gather(self._start, return_exceptions=True)
        await self._close_process()

    async def _running_process(self) -> LocalProcess:
        if self._start is None or _has_ended(self._start):
            self._start = asyncio.create_task(self._start_process())
        start = self._start
        # Loading continues when one of the waiting requests is cancelled.
        await asyncio.wait([start])
        if start.cancelled():
            raise unavailable("The local model is being closed.")
        return start.result()

    async def _start_process(self) -> LocalProcess:
        await self._close_process()
        self._check_restart()
        self._starts.append(time.monotonic())
        try:
            if not await asyncio.to_thread(self._weights.match_checksum):
                raise self._unusable_weights("is damaged (wrong checksum); install it again")
            self._process = LocalProcess(self._weights)
            status = await self._process.loading_status()
        except OSError as error:  # TimeoutError is one.
            await self._close_process()
            raise unavailable("The local model could not be started.") from error
        if status == "failed":
            await self._close_process()
            raise self._unusable_weights(
                "cannot be loaded: it is damaged, not supported or too large; use another one"
            )
        if status != "ready":
            raise unavailable("The local model's process ended while it was loading.")
        _log.info("The local model %s runs as process %d", self._weights.name, self._process.pid)
        return self._process

    async def _close_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.close()

    def _check_restart(self) -> None:
        """Raises EngineError when the model file is unusable, or the process ended too often."""
        if self._weights_error is not None:
            raise EngineError(FailureCode.ENGINE_UNAVAILABLE, self._weights_error, retryable=False)
        if (
            len(self._starts) == _MAX_STARTS
            and (wait := self._starts[0] + _START_WINDOW_SECONDS - time.monotonic()) > 0
        ):
            raise unavailable(
                f"The local model was started {_MAX_STARTS} times within a minute and ended each time.",
                math.ceil(wait),
            )

    def _unusable_weights(self, problem: str) -> EngineError:
        """Returns the error for a model file that no restart can load, and keeps it for later requests."""
        self._weights_error = f"The model file {self._weights.path.name} {problem}."
        _log.error("%s", self._weights_error)
        return EngineError(FailureCode.ENGINE_UNAVAILABLE, self._weights_error, retryable=False)


def _has_ended(start: asyncio.Task[LocalProcess]) -> bool:
    return start.done() and (start.cancelled() or start.exception() is not None or start.result().has_ended)


def _start_program() -> subprocess.Popen[str]:
    return subprocess.Popen(
        # Without -P the folder of the program is on the import path, and its modules shadow others.
        [sys.executable, "-P", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if _log.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def private_folder() -> Path:
    """Returns a new temporary folder whose path is short enough for a Unix socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="repartee-"))
    if len(os.fsencode(folder)) <= _MAX_FOLDER_BYTES:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="repartee-", dir="/tmp"))
