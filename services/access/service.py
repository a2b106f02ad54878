"""Answers who a caller is, by the credential that came with a request."""

from services.access.errors import BAD_CREDENTIAL, Unauthenticated
from services.access.identity import LOCAL, Identity
from services.access.modes import AccessMode, mode_of
from services.access.start_token import StartToken
from services.settings import Settings


class AccessService:
    """`everybody` is who all callers are, where the server is open."""

    def __init__(self, settings: Settings) -> None:
        self.mode = mode_of(settings)
        self.everybody = LOCAL if self.mode is AccessMode.OPEN else None
        self.start_token = StartToken(settings) if self.mode is AccessMode.TOKEN else None

    async def by_token(self, token: str) -> Identity:
        """Raises Unauthenticated."""
        return _known(self.start_token.identity(token) if self.start_token else None)

    async def by_cookie(self, cookie: str) -> Identity:
        """Raises Unauthenticated."""
        return _known(self.start_token.identity_by_cookie(cookie) if self.start_token else None)


def _known(identity: Identity | None) -> Identity:
    if identity is None:
        raise Unauthenticated(BAD_CREDENTIAL)
    return identity
