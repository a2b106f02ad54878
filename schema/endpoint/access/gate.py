"""Who makes a request: the credential in its headers or in `connection_init`, and the refusal without one."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

from schema.endpoint.access.cookies import Cookies, Proxies
from schema.endpoint.errors import TOO_MANY_OPERATIONS, Formatted, request_error
from schema.endpoint.http.answers import HTTPError
from services import Services
from services.access.accounts import Act
from services.access.errors import BAD_CREDENTIAL, NO_CREDENTIAL, Unauthenticated
from services.access.identity import Identity
from services.access.issuer import IssuerUnavailable

_UNAUTHENTICATED = "UNAUTHENTICATED"
ENDED = "The credential has expired, or was revoked. Sign in again."

# Takes what to call when the caller's credential ends.
Hold = Callable[[Callable[[], object]], AbstractContextManager[None]]


class Gate:
    """`everybody` is who all callers are, where the server is open. Raises ValueError for wrong settings."""

    def __init__(self, services: Services) -> None:
        self._access = services.access
        self.everybody = services.access.everybody
        self._grants = services.access.grants
        self._rate = services.access.rate
        self._user_header = services.settings.proxy_user_header
        self._proxies = Proxies(services.settings.trusted_proxies)
        self.cookies = Cookies(self._proxies)

    async def caller(self, scope: Scope) -> Identity:
        """Return who makes the request. Raises HTTPError."""
        try:
            return self.everybody or await self.identify(HTTPConnection(scope))
        except (Unauthenticated, IssuerUnavailable) as error:
            raise refusal(error) from None

    async def caller_of_socket(self, connection: HTTPConnection, payload: dict[str, Any] | None) -> Identity:
        """Return who opens a WebSocket, with the payload of its connection_init. Raises Unauthenticated."""
        if self.everybody:
            return self.everybody
        given = _authorizations(payload or {})
        return await self._by_bearer(given) if given else await self.identify(connection)

    async def identify(self, connection: HTTPConnection) -> Identity:
        """Raises Unauthenticated."""
        if self._user_header and (names := connection.headers.getlist(self._user_header)):
            if len(names) != 1 or not self._proxies.includes(connection):
                raise Unauthenticated(f"{self._user_header} counts only from a trusted proxy, and once.")
            if "authorization" not in connection.headers:
                return await self._access.by_proxy(names[0])
        # With a header that is not accepted, the cookie does not count: the caller means somebody else.
        if given := connection.headers.getlist("authorization"):
            return await self._by_bearer(given)
        if (cookie := self.cookies.value(connection)) is not None:
            return await self._access.by_cookie(cookie)
        raise Unauthenticated(NO_CREDENTIAL)

    async def admit(self, caller: Identity) -> None:
        """Count an operation of the caller. Raises RequestError when there were too many."""
        if self._rate is None or (seconds := await self._rate.seconds_to_wait(caller.owner)) == 0:
            return
        message = "You have sent too many operations within a minute; wait a little."
        raise request_error(message, TOO_MANY_OPERATIONS, retryAfterSeconds=math.ceil(seconds))

    def hold(self, caller: Identity) -> Hold:
        """Return a context in which a function is called when the caller's credential ends."""
        return _unending if caller is self.everybody else partial(self._grants.held, caller)

    def act(self, connection: HTTPConnection, caller: Identity | None = None) -> Act:
        """Return who does something, and from where, for the audit."""
        return Act(caller, self._proxies.network(connection))

    async def _by_bearer(self, given: list[Any]) -> Identity:
        if len(given) != 1 or not isinstance(given[0], str):
            raise Unauthenticated("The credential must be one text: Bearer and a token.")
        scheme, _, token = given[0].partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("The credential must be a token, sent as `Authorization: Bearer …`.")
        return await self._access.by_token(token.strip())


def _unending(end: Callable[[], object]) -> AbstractContextManager[None]:
    """Nothing ends where everybody may stay."""
    return nullcontext()


def refusal(error: Unauthenticated | IssuerUnavailable) -> HTTPError:
    if isinstance(error, IssuerUnavailable):
        return HTTPError(503, str(error), "UNAVAILABLE", **{"Retry-After": "5"})
    challenge = 'Bearer error="invalid_token"' if str(error) == BAD_CREDENTIAL else "Bearer"
    return HTTPError(401, str(error), _UNAUTHENTICATED, **{"WWW-Authenticate": challenge})


def ended() -> Formatted:
    """Return the error of what ends because its credential has ended."""
    return {"message": ENDED, "extensions": {"code": _UNAUTHENTICATED}}


def _authorizations(payload: dict[str, Any]) -> list[Any]:
    """Return the values of `authorization`, in any case, in the payload or in its `headers`."""
    headers = payload.get("headers")
    places = [payload, headers if isinstance(headers, dict) else {}]
    return [value for place in places for key, value in place.items() if key.lower() == "authorization"]
