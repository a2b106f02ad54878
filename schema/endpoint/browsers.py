"""What pages in a browser may do: which origins may ask, and by which names this server may be called."""

import ipaddress
from collections.abc import Iterable

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.http.websocket_origin import is_same_origin, normalize_allowed_origins, normalize_origin

from schema.endpoint.answers import Fault
from services.settings import Settings

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_EVERYWHERE = ("0.0.0.0", "::")


class Origins:
    """Pages from other origins that may ask: the same for HTTP and for WebSockets. `*` stands for all."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = normalize_allowed_origins(list(allowed))

    def admits(self, connection: HTTPConnection) -> bool:
        """Tell whether a WebSocket may be opened; browsers ask nobody else. What sends no origin is no browser."""
        origin = connection.headers.get("origin")
        if origin is None or "*" in self.allowed or is_same_origin(origin, connection.headers.get("host")):
            return True
        return normalize_origin(origin) in self.allowed


def cross_origin(origins: Origins) -> list[Middleware]:
    """Return what answers browsers that ask on behalf of another origin. Cookies are of no use here."""
    if not origins.allowed:
        return []
    allowed = sorted(origins.allowed)
    return [
        Middleware(
            CORSMiddleware, allow_origins=allowed, allow_methods=["GET", "POST"], allow_headers=["*"], max_age=600
        )
    ]


class Hosts:
    """Names by which this server may be called. Any other may belong to a page that had its name point here."""

    def __init__(self, names: Iterable[str], any_address: bool = False) -> None:
        self._names = {name.lower() for name in names}
        self._any_address = any_address

    @classmethod
    def of(cls, settings: Settings) -> "Hosts":
        bound = f"[{settings.host}]" if ":" in settings.host else settings.host
        # A page cannot make an address point elsewhere, so on an open server any address will do.
        return cls([*_LOCAL, bound, *settings.trusted_hosts], any_address=settings.host in _EVERYWHERE)

    def admit(self, header: str) -> bool:
        """Look at a Host header; its port does not matter."""
        name = header.strip().lower()
        host, colon, port = name.rpartition(":")
        if colon and port.isdigit():
            name = host
        name = name.removesuffix(".")
        return "*" in self._names or name in self._names or (self._any_address and _is_address(name))


class TrustedHosts:
    """ASGI middleware that refuses a request under a foreign name."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._hosts.admit(HTTPConnection(scope).headers.get("host", "")):
            await self._app(scope, receive, send)
            return
        message = "This server does not go by that name. REPARTEE_TRUSTED_HOSTS lists more names for it."
        response = Fault(421, message, "HOST_NOT_TRUSTED").response()
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await response(scope, receive, send)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
