"""Count and limit of the connections that stay open: WebSockets and streams over HTTP. `drain` closes them."""

from collections.abc import Iterator
from contextlib import contextmanager

from schema.endpoint.http.answers import HTTPError
from services.draining import ConnectionDrain


class OpenConnections:
    def __init__(self, limit: int, drain: ConnectionDrain) -> None:
        self._limit = limit
        self.drain = drain
        self.count = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count a connection while it is open. Raises HTTPError when too many are open."""
        if self.count >= self._limit:
            message = f"Too many WebSockets and streams are open; the limit is {self._limit:,}. Try again later."
            raise HTTPError(503, message, "TOO_MANY_CONNECTIONS", **{"Retry-After": "5"})
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
