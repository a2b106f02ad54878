"""One local model for several processes: the supervisor runs it, and tells its workers where it is served."""

import asyncio
import json
from pathlib import Path
from typing import Protocol

from services.engines import EngineError
from services.engines.faults import unavailable
from services.engines.local_process import Address

# Seconds for an answer of the supervisor, who may have to load the model first.
_PATIENCE = 200.0


class Addressed(Protocol):
    async def address(self) -> Address: ...


class ModelDesk:
    """Tells whoever connects to the Unix socket at `path`, in a line of JSON, where the model is served."""

    def __init__(self, model: Addressed) -> None:
        self._model = model
        self._server: asyncio.Server | None = None

    async def open(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._answer, path)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            found: dict[str, object] = {"address": await self._model.address()}
        except EngineError as error:
            failure = error.failure
            found = {"failure": [failure.code, failure.message, failure.retryable, failure.retry_after_seconds]}
        writer.write(json.dumps(found).encode() + b"\n")
        writer.close()


class SharedModel:
    """The model of the desk at `path`. It is not ours, so closing it does nothing."""

    pid = None

    def __init__(self, path: Path) -> None:
        self._path = path

    async def address(self) -> Address:
        """Raises EngineError."""
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await asyncio.open_unix_connection(self._path)
                answer = json.loads(await reader.readline())
                writer.close()
        except (OSError, ValueError) as error:
            raise unavailable("The process that runs the local model does not answer.") from error
        if "failure" in answer:
            raise EngineError(*answer["failure"])
        return Address(*answer["address"])

    async def close(self) -> None:
        """Does nothing."""
