"""Requests to an OpenAI-compatible server: limits of time, new tries, and what failed as a typed error."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2

from models import Failure, FailureCode
from services.engines import EngineError
from services.engines.faults import Rejection, broke_off, timed_out, unavailable
from services.engines.sse import EventReader

_log = logging.getLogger(__name__)

_CONNECT_LIMIT = 10.0
_LONGEST_PAUSE = 2
_END = "[DONE]"


@dataclass(frozen=True)
class Patience:
    """Seconds to wait: for any progress, and before each new try at a request that got no answer."""

    timeout: float = 60
    pauses: Sequence[float] = (0.25, 1.0)


class Connection:
    def __init__(
        self, url: str, key: str | None, patience: Patience, transport: httpx2.AsyncBaseTransport | None
    ) -> None:
        address = httpx2.URL(url)
        self._patience = patience
        self._key = key
        # Addresses are logged, so a password in one becomes a header.
        self._address = address.copy_with(username=None, password=None)
        self._client = httpx2.AsyncClient(
            auth=(address.username, address.password) if address.username and not key else None,
            headers={"Authorization": f"Bearer {key}"} if key else None,
            timeout=httpx2.Timeout(None, connect=min(_CONNECT_LIMIT, patience.timeout)),
            # Most servers close their side of a streamed answer; a kept connection would fail the next request.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
            # Gathering the certificates takes a while, and plain HTTP has no use for them.
            verify=address.scheme == "https",
            transport=transport,
        )

    async def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        """Return a successful answer, its body not yet read.

        A request that found nobody, or was sent away for a moment, is made again: no token is lost by that.
        """
        for pause in self._patience.pauses:
            try:
                return await self._try(method, path, body)
            except EngineError as error:
                if not _passes(error.failure):
                    raise
                await asyncio.sleep(max(pause, error.failure.retry_after_seconds or 0))
        return await self._try(method, path, body)

    async def read(self, response: httpx2.Response) -> bytes:
        try:
            async with aclosing(response), asyncio.timeout(self._patience.timeout):
                return await response.aread()
        except TimeoutError as error:
            raise timed_out(self._patience.timeout) from error
        except httpx2.RequestError as error:
            raise broke_off("The engine broke its answer off.") from error

    async def events(self, response: httpx2.Response) -> AsyncGenerator[str, None]:
        """Yield the data of each event up to the end; closing this closes the connection."""
        reader = EventReader()
        received = response.aiter_bytes()
        async with aclosing(response), aclosing(received):
            while events := await self._next(reader, received):
                for data in events:
                    if data == _END:
                        return
                    yield data

    async def close(self) -> None:
        await self._client.aclose()

    async def _try(self, method: str, path: str, body: dict[str, Any] | None) -> httpx2.Response:
        url = self._address.copy_with(path=self._address.path.rstrip("/") + path)
        request = self._client.build_request(method, url, json=body)
        try:
            async with asyncio.timeout(self._patience.timeout):
                response = await self._client.send(request, stream=True)
        except TimeoutError as error:
            raise timed_out(self._patience.timeout) from error
        except httpx2.RequestError as error:
            raise unavailable() from error
        if response.is_success:
            return response
        raise Rejection(response.status_code, await self._complaint(response), response.headers)

    async def _complaint(self, response: httpx2.Response) -> str:
        try:
            said = (await self.read(response)).decode(errors="replace")
        except EngineError:
            # The status was to hear, and says enough.
            said = ""
        told = said.replace(self._key, "…") if self._key else said
        _log.warning("The engine answered HTTP %d: %s", response.status_code, told[:500])
        return said

    async def _next(self, reader: EventReader, received: AsyncGenerator[bytes, None]) -> list[str]:
        """Return the next events; none at the end. Comments are no progress: they come from idle servers too."""
        try:
            async with asyncio.timeout(self._patience.timeout):
                async for part in received:
                    if events := list(reader.feed(part)):
                        return events
        except TimeoutError as error:
            raise timed_out(self._patience.timeout) from error
        except httpx2.RequestError as error:
            raise broke_off("The connection to the engine broke off.") from error
        return []


def _passes(failure: Failure) -> bool:
    """Whether it is likely to be over in a moment."""
    if failure.code is FailureCode.RATE_LIMITED and failure.retry_after_seconds is None:
        return False
    return (
        failure.retryable
        and failure.code in (FailureCode.ENGINE_UNAVAILABLE, FailureCode.RATE_LIMITED)
        and (failure.retry_after_seconds or 0) <= _LONGEST_PAUSE
    )
