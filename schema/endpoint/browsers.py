"""Protection against web pages of other sites: allowed origins (CORS, WebSocket) and trusted host names."""

import ipaddress
from collections.abc import Collection, Iterable
from functools import lru_cache

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.http.websocket_origin import is_same_origin, normalize_allowed_origins, normalize_origin

from schema.endpoint import request_ids
from schema.endpoint.http.answers import HTTPError
from services.settings import Settings

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_ANY_ADDRESS = ("0.0.0.0", "::")


class Origins:
    """The origins whose pages may send requests, over HTTP and WebSocket alike; `*` allows every origin."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = normalize_allowed_origins(list(allowed))

    def allows(self, connection: HTTPConnection) -> bool:
        """Return whether the page may open a WebSocket; a client that sends no origin is not a browser.

        Browsers leave this check to the server, unlike that of HTTP requests.
        """
        origin = connection.headers.get("origin")
        if origin is None or "*" in self.allowed or is_same_origin(origin, connection.headers.get("host")):
            return True
        return normalize_origin(origin) in self.allowed

    def check_get(self, request: Request, is_page: bool) -> None:
        """Raise HTTPError when a page of another site would run a query by GET, as any `<img>` can.

        The page could not read the answer, but measure its time and keep the server busy. Links to the
        playground are allowed.
        """
        headers = request.headers
        is_link = is_page and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") != "cross-site" or is_link or "*" in self.allowed:
            return
        origin = headers.get("origin")
        if origin is None or normalize_origin(origin) not in self.allowed:
            message = (
                "A page of another site must not send requests by GET. Add its origin to REPARTEE_ALLOWED_ORIGINS."
            )
            raise HTTPError(403, message, "ORIGIN_NOT_ALLOWED")


def cors_middleware(origins: Origins) -> list[Middleware]:
    """Return the CORS middleware for the allowed origins; it allows no cookies, because there are none."""
    if not origins.allowed:
        return []
    allowed = sorted(origins.allowed)
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=allowed,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=[request_ids.NAME],
            max_age=600,
        )
    ]


class Hosts:
    """The host names of this server. Rejecting any other name prevents DNS rebinding by web pages."""

    def __init__(self, names: Iterable[str], any_address: bool = False) -> None:
        self._names = {name.lower() for name in names}
        self._any_address = any_address

    @classmethod
    def of(cls, settings: Settings) -> "Hosts":
        bound = f"[{settings.host}]" if ":" in settings.host else settings.host
        # DNS rebinding needs a name, so a server that listens on all addresses accepts any address.
        return cls([*_LOCAL, bound, *settings.trusted_hosts], any_address=settings.host in _ANY_ADDRESS)

    def allows(self, header: str) -> bool:
        """Return whether a Host header names this server; its port does not matter."""
        name = header.strip().lower()
        host, colon, port = name.rpartition(":")
        if colon and port.isdigit():
            name = host
        name = name.removesuffix(".")
        return "*" in self._names or name in self._names or (self._any_address and _is_address(name))


# A proxy or a tunnel that forwards a request adds some of these headers.
FORWARDING = frozenset(
    b"x-forwarded-" + name for name in (b"for", b"host", b"proto", b"port", b"server", b"prefix", b"scheme", b"by")
) | {b"forwarded", b"x-real-ip"}


class TrustedHosts:
    """ASGI middleware that rejects requests whose host name is not trusted, or that have a refused header."""

    def __init__(self, app: ASGIApp, hosts: Hosts, refused: Collection[bytes] = ()) -> None:
        self._app = app
        self._refused = refused
        # Clients send few different names; a stranger who sends many only empties this.
        self._allows = lru_cache(maxsize=1000)(hosts.allows)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host, forwarding = b"", None
        for key, value in scope.get("headers", ()):
            if key == b"host":
                host = host or value
            elif key in self._refused:
                forwarding = key
        name = host.decode("latin-1")
        if forwarding is None and (scope["type"] == "lifespan" or self._allows(name)):
            await self._app(scope, receive, send)
            return
        response = (_forwarded(forwarding) if forwarding else _untrusted(name)).response()
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await response(scope, receive, send)


def _untrusted(host: str) -> HTTPError:
    message = f'The host "{host}" is not trusted. Add its name to REPARTEE_TRUSTED_HOSTS to allow it.'
    return HTTPError(421, message, "HOST_NOT_TRUSTED")


def _forwarded(header: bytes) -> HTTPError:
    message = (
        "This server is open to its own machine alone, and the request came through a proxy or a tunnel "
        f"({header.decode()}). Set REPARTEE_ACCESS to `token` or `accounts`, or to `open` if everybody may use it."
    )
    return HTTPError(403, message, "FORWARDED_REQUEST")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
