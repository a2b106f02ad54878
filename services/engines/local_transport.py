"""HTTP transport to the local model, wherever it is served at present."""

from typing import Protocol

import httpx2

from services.engines.local_process import Address


class ModelSource(Protocol):
    """Knows where the model is served."""

    @property
    def pid(self) -> int | None: ...
    async def address(self) -> Address: ...
    async def close(self) -> None: ...


class LocalTransport(httpx2.AsyncBaseTransport):
    def __init__(self, model: ModelSource) -> None:
        self._model = model
        self._address: Address | None = None
        self._transport: httpx2.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        address = await self._model.address()
        if self._transport is None or address != self._address:
            # Nothing is left to close of an earlier one: its connections ended with the process.
            self._address, self._transport = address, _transport_to(address)
        request.headers["Authorization"] = f"Bearer {address.key}"
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._model.close()
        if self._transport is not None:
            await self._transport.aclose()


def _transport_to(address: Address) -> httpx2.AsyncHTTPTransport:
    return httpx2.AsyncHTTPTransport(
        uds=address.socket, verify=False, limits=httpx2.Limits(max_keepalive_connections=0)
    )
