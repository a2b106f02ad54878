"""The cookie of a browser that is signed in. It counts only for requests of this server's own pages."""

import ipaddress
from collections.abc import Iterable

from starlette.requests import HTTPConnection
from strawberry.http.websocket_origin import is_same_origin

_MAX_AGE = 90 * 24 * 3600
_SECURE_SCHEMES = ("https", "wss")
_DEFAULT_PORTS = {True: "443", False: "80"}


class Proxies:
    """The proxies that may say that a request came over https. Raises ValueError for what is no address."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(one, strict=False) for one in networks]

    def includes(self, connection: HTTPConnection) -> bool:
        """Return whether the request comes from one of them."""
        return connection.client is not None and self._has(connection.client.host)

    def network(self, connection: HTTPConnection) -> str:
        """Return the network of the client, as IPv4 gives 256 addresses, and IPv6 a house, to one person."""
        address = connection.client.host if connection.client else ""
        if self.includes(connection):
            # Each proxy adds whom it talks to at the end; what a client wrote comes before.
            said = connection.headers.get("x-forwarded-for", "").split(",")
            address = next((one.strip() for one in reversed(said) if not self._has(one.strip())), address)
        try:
            is_short = ipaddress.ip_address(address).version == 4
            return str(ipaddress.ip_network(f"{address}/{24 if is_short else 64}", strict=False))
        except ValueError:
            return ""

    def _has(self, address: str) -> bool:
        if not self._networks:
            return False
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self._networks)


class Cookies:
    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    def value(self, connection: HTTPConnection) -> str | None:
        """Return the value of the cookie, if there is one and the request comes from a page of this server."""
        if "cookie" not in connection.headers or not is_own_page(connection):
            return None
        return connection.cookies.get(self._name(connection))

    def set(self, connection: HTTPConnection, value: str, seconds: int = _MAX_AGE) -> str:
        """Return the header that sets the cookie; a value that is empty deletes it."""
        secure = "; Secure" if self._is_secure(connection) else ""
        age = seconds if value else 0
        name = self._name(connection)
        return f"{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"

    def _name(self, connection: HTTPConnection) -> str:
        # Browsers send a cookie to every port of a host, and another server may be on one of them.
        is_secure = self._is_secure(connection)
        port = connection.headers.get("host", "").rpartition(":")[2]
        port = port if port.isdigit() else _DEFAULT_PORTS[is_secure]
        return f"{'__Host-' if is_secure else ''}repartee_{port}"

    def _is_secure(self, connection: HTTPConnection) -> bool:
        if connection.url.scheme in _SECURE_SCHEMES:
            return True
        said: str = connection.headers.get("x-forwarded-proto", "")
        return said.lower() in _SECURE_SCHEMES and self._proxies.includes(connection)


def is_own_page(connection: HTTPConnection) -> bool:
    """Return whether a page of this server makes the request, as its browser says.

    Browsers say it by Sec-Fetch-Site, but not over plain http in a local network. There a request by GET may come
    from any page, but changes nothing, and the page cannot read the answer.
    """
    headers = connection.headers
    if (site := headers.get("sec-fetch-site")) is not None:
        return bool(site == "same-origin")
    if (origin := headers.get("origin")) is not None:
        return is_same_origin(origin, headers.get("host"))
    return bool(connection.scope.get("method") == "GET")
