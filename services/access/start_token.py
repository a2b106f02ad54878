"""The start token of a server in the mode `token`, and the cookie that stands for it in a browser."""

import hashlib
import hmac
import secrets

from models import LOCAL_OWNER
from services.access.identity import AccessKind, Identity
from services.settings import Settings

_OWNER = Identity(LOCAL_OWNER, AccessKind.START_TOKEN, is_admin=True)


class StartToken:
    """A token of the settings, or a new one. `is_new` says which."""

    def __init__(self, settings: Settings) -> None:
        self.is_new = settings.token is None
        self.value = secrets.token_urlsafe(32) if settings.token is None else settings.token.get_secret_value()
        # Nobody gets the token from a cookie, and one of an earlier start is worth nothing.
        self.cookie = hmac.digest(self.value.encode(), b"Repartee's cookie", "sha256").hex()
        self._accepted = {_digest(self.value): _OWNER}
        self._accepted_cookies = {_digest(self.cookie): _OWNER}

    def identity(self, token: str) -> Identity | None:
        # By digests, so that the time it takes tells nothing about the token.
        return self._accepted.get(_digest(token))

    def identity_by_cookie(self, cookie: str) -> Identity | None:
        return self._accepted_cookies.get(_digest(cookie))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
