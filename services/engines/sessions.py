"""HTTP sessions with the server of an engine, wherever it is at present."""

from typing import Protocol

import aiohttp

from services.engines.local_process import Address

# Requests have time limits of their own.
_NO_LIMIT = aiohttp.ClientTimeout(total=None)
_MAX_CONNECT_SECONDS = 10.0


class Sessions(Protocol):
    async def session(self) -> aiohttp.ClientSession:
        """Returns the session for the next request. Raises EngineError."""
        ...

    async def close(self) -> None: ...


class OutsideSessions:
    """The session with a server at a fixed address; `authorization` is the header of that name."""

    def __init__(self, authorization: str | None, timeout: float) -> None:
        self._headers = {"Authorization": authorization} if authorization else None
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(_MAX_CONNECT_SECONDS, timeout))
        self._session: aiohttp.ClientSession | None = None

    async def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Most servers close the connection after a streamed answer; reusing it would fail the next request.
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            self._session = aiohttp.ClientSession(
                connector=connector, headers=self._headers, timeout=self._timeout, trust_env=True
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class ModelSource(Protocol):
    """Knows where the local model is served."""

    @property
    def pid(self) -> int | None: ...
    async def address(self) -> Address: ...
    async def close(self) -> None: ...


class LocalSessions:
    """The session with the local model, which is served elsewhere once it was restarted."""

    def __init__(self, model: ModelSource) -> None:
        self._model = model
        self._address: Address | None = None
        self._session: aiohttp.ClientSession | None = None

    async def session(self) -> aiohttp.ClientSession:
        address = await self._model.address()
        if self._session is None or address != self._address:
            # Of an earlier one all connections ended with the process.
            await self._close_session()
            self._address, self._session = address, _session_with(address)
        return self._session

    async def close(self) -> None:
        await self._model.close()
        await self._close_session()

    async def _close_session(self) -> None:
        if self._session is not None:
            await self._session.close()


def _session_with(address: Address) -> aiohttp.ClientSession:
    connector = aiohttp.UnixConnector(address.socket, limit=0, force_close=True)
    headers = {"Authorization": f"Bearer {address.key}"}
    return aiohttp.ClientSession(connector=connector, headers=headers, timeout=_NO_LIMIT)
