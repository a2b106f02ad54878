"""uvicorn's server: how it is configured, and that it stops only when replies have ended and watchers know."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from typing import cast

import uvicorn
from starlette.applications import Starlette

from schema.endpoint.http.protocols import HTTPProtocol, Protocol, WebSocketProtocol, end_overdue
from services import Services
from services.settings import Settings

logger = logging.getLogger("repartee")

# Seconds that open connections get to end by themselves once no reply is being written.
_CONNECTIONS_GRACE_SECONDS = 1
# Seconds that a client who has connected gets to send its first request.
_FIRST_REQUEST_SECONDS = 0.5
# uvicorn ticks every 0.1 seconds.
_TICKS_PER_SWEEP = 10


def server_config(app: Starlette, settings: Settings, ping_seconds: float | None = 20) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=HTTPProtocol,
        ws=WebSocketProtocol,
        log_config=None,
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=settings.max_body,
        # Compression would cost each idle socket hundreds of kilobytes.
        ws_per_message_deflate=False,
        ws_ping_interval=ping_seconds,
        ws_ping_timeout=ping_seconds,
        timeout_graceful_shutdown=_CONNECTIONS_GRACE_SECONDS,
    )


def listen(settings: Settings) -> socket.socket:
    """Returns a socket that listens on the address of the settings. Raises OSError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    # asyncio does not set it for such a socket, and an answer in two parts would wait for the client's ack.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        # The kernel sees more than the server does: what it took for a client that no longer takes it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(settings.send_timeout * 1000))
    return listener


class Server(uvicorn.Server):
    """Lets running replies end, and tells their watchers, before it closes their sockets."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_PER_SWEEP == 0:
            try:
                self._end_overdue()
            except Exception:
                # An error here would end the server.
                logger.exception("Looking for clients that are overdue failed")
        return await super().on_tick(counter)

    def _end_overdue(self) -> None:
        settings = self._services.settings
        connections = cast("set[Protocol]", self.server_state.connections)
        now = asyncio.get_running_loop().time()
        end_overdue(list(connections), now, settings.read_timeout, settings.send_timeout)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._wait_for_balancers()
        for server in self.servers:
            server.close()
        for connection in self._http_connections:
            connection.end_after_next_answer()
        await self._drain()
        await self._take_first_requests()
        await super().shutdown(sockets)

    async def _wait_for_balancers(self) -> None:
        """Goes on answering until load balancers have seen that this server is not ready any more."""
        self._services.draining.set()
        for _ in range(round(self._services.settings.drain_delay / 0.1)):
            if self.force_exit:
                return
            await asyncio.sleep(0.1)

    async def _drain(self) -> None:
        draining = asyncio.create_task(self._services.drain())
        while not draining.done() and not self.force_exit:
            await asyncio.wait([draining], timeout=0.1)
        if self.force_exit:
            draining.cancel()
        await asyncio.gather(draining, return_exceptions=self.force_exit)

    async def _take_first_requests(self) -> None:
        """Lets clients who have just connected send what they connected for."""
        for _ in range(round(_FIRST_REQUEST_SECONDS / 0.01)):
            if self.force_exit or not self._has_new_connections():
                return
            await asyncio.sleep(0.01)

    def _has_new_connections(self) -> bool:
        return any(connection.awaits_first_request for connection in self._http_connections)

    @property
    def _http_connections(self) -> list[HTTPProtocol]:
        connections = cast("set[Protocol]", self.server_state.connections)
        return [connection for connection in connections if isinstance(connection, HTTPProtocol)]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again when it is done, before the other parts are closed.
        kept = {sign: signal.signal(sign, self.handle_exit) for sign in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sign, handler in kept.items():
                signal.signal(sign, handler)
