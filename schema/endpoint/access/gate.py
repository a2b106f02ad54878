"""Who makes a request: the credential in its headers or in `connection_init`, and the refusal without one."""

from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

from schema.endpoint.access.cookies import Cookies
from schema.endpoint.http.answers import HTTPError
from services import Services
from services.access.errors import BAD_CREDENTIAL, NO_CREDENTIAL, Unauthenticated
from services.access.identity import Identity

_UNAUTHENTICATED = "UNAUTHENTICATED"


class Gate:
    """`everybody` is who all callers are, where the server is open. Raises ValueError for wrong settings."""

    def __init__(self, services: Services) -> None:
        self._access = services.access
        self.everybody = services.access.everybody
        self.cookies = Cookies(services.settings)

    async def caller(self, scope: Scope) -> Identity:
        """Return who makes the request. Raises HTTPError."""
        try:
            return self.everybody or await self.identify(HTTPConnection(scope))
        except Unauthenticated as error:
            raise refusal(error) from None

    async def caller_of_socket(self, connection: HTTPConnection, payload: dict[str, Any] | None) -> Identity:
        """Return who opens a WebSocket, with the payload of its connection_init. Raises Unauthenticated."""
        if self.everybody:
            return self.everybody
        given = _authorizations(payload or {})
        return await self._by_bearer(given) if given else await self.identify(connection)

    async def identify(self, connection: HTTPConnection) -> Identity:
        """Raises Unauthenticated."""
        # With a header that is not accepted, the cookie does not count: the caller means somebody else.
        if given := connection.headers.getlist("authorization"):
            return await self._by_bearer(given)
        if (cookie := self.cookies.value(connection)) is not None:
            return await self._access.by_cookie(cookie)
        raise Unauthenticated(NO_CREDENTIAL)

    async def _by_bearer(self, given: list[Any]) -> Identity:
        if len(given) != 1 or not isinstance(given[0], str):
            raise Unauthenticated("The credential must be one text: Bearer and a token.")
        scheme, _, token = given[0].partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("The credential must be a token, sent as `Authorization: Bearer …`.")
        return await self._access.by_token(token.strip())


def refusal(error: Unauthenticated) -> HTTPError:
    challenge = 'Bearer error="invalid_token"' if str(error) == BAD_CREDENTIAL else "Bearer"
    return HTTPError(401, str(error), _UNAUTHENTICATED, **{"WWW-Authenticate": challenge})


def _authorizations(payload: dict[str, Any]) -> list[Any]:
    """Return the values of `authorization`, in any case, in the payload or in its `headers`."""
    headers = payload.get("headers")
    places = [payload, headers if isinstance(headers, dict) else {}]
    return [value for place in places for key, value in place.items() if key.lower() == "authorization"]
