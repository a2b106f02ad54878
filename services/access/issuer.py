"""Tokens of an OpenID Connect issuer: its keys, fetched and kept, and which of its JWTs are accepted."""

import asyncio
import json
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from models import now
from services.access.errors import BAD_CREDENTIAL, Unauthenticated

if TYPE_CHECKING:
    import aiohttp

# An issuer may use other algorithms too; these are all that are looked at, each for one type of key.
_ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
_REQUIRED = ["exp", "iat", "iss", "aud", "sub"]
_LONGEST = timedelta(hours=24)
_CLOCK_SKEW = 10
_MAX_TOKEN, _MAX_SUBJECT, _MAX_ANSWER, _MAX_KEYS = 16_384, 255, 1_000_000, 100
_FETCH_SECONDS = 5.0
# Seconds between two looks at the issuer's keys because of a key that is not known.
REFETCH_SECONDS = 60.0


@dataclass(frozen=True)
class Claims:
    """What an accepted token says. `name` is what the issuer calls the user."""

    issuer: str
    subject: str
    name: str
    issued_at: datetime
    expires_at: datetime


class IssuerUnavailable(Exception):
    """The issuer's keys cannot be fetched."""


class Issuer:
    def __init__(self, url: str, audience: str) -> None:
        self.url = url
        self._audience = audience
        self._keys: dict[str | None, tuple[Any, str]] = {}
        self.refetch_seconds = REFETCH_SECONDS
        self._fetched_at = -math.inf
        self._fetching = asyncio.Lock()

    async def claims(self, token: str) -> Claims:
        """Raises Unauthenticated, and IssuerUnavailable while there are no keys at all."""
        # Both take a while to import, and few servers need them.
        import jwt

        if len(token) > _MAX_TOKEN:
            raise Unauthenticated(BAD_CREDENTIAL)
        try:
            header = jwt.get_unverified_header(token)
            key, algorithm = await self._key(header.get("kid"))
            options: Any = {"require": _REQUIRED}
            given = {"audience": self._audience, "issuer": self.url, "leeway": _CLOCK_SKEW, "options": options}
            # The key decides on the algorithm, never the token; what else its header names is not read.
            return self._checked(jwt.decode(token, key, algorithms=[algorithm], **given))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise Unauthenticated(BAD_CREDENTIAL) from error

    def _checked(self, claims: dict[str, Any]) -> Claims:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
            raise ValueError("sub")
        issued_at, expires_at = (_number(claims[name]) for name in ("iat", "exp"))
        latest = (now() + _LONGEST).timestamp()
        names = (claims.get(name) for name in ("preferred_username", "email", "name"))
        name = next((one for one in names if isinstance(one, str) and one.strip()), subject)
        moments = [datetime.fromtimestamp(min(one, latest), UTC) for one in (issued_at, expires_at)]
        return Claims(self.url, subject, name.strip()[:100], *moments)

    async def _key(self, kid: Any) -> tuple[Any, str]:
        if kid not in self._keys:
            await self._refetch()
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if not isinstance(kid, str) or kid not in self._keys:
            raise ValueError("kid")
        return self._keys[kid]

    async def _refetch(self) -> None:
        """Fetches the keys, at most once a minute. Those that there were stay when that fails."""
        # Few servers need it, and it takes a while to import.
        import aiohttp

        async with self._fetching:
            if time.monotonic() - self._fetched_at < self.refetch_seconds:
                return
            self._fetched_at = time.monotonic()
            try:
                self._keys = await self._fetched()
            except (aiohttp.ClientError, ValueError, TypeError, KeyError, AttributeError, TimeoutError) as error:
                if not self._keys:
                    # The next request may try at once: nobody can sign in until it succeeds.
                    self._fetched_at = -math.inf
                    raise IssuerUnavailable(f"The issuer {self.url} gives no keys.") from error

    async def _fetched(self) -> dict[str | None, tuple[Any, str]]:
        import aiohttp

        async with asyncio.timeout(_FETCH_SECONDS), aiohttp.ClientSession(trust_env=True) as http:
            about = await _json(http, self.url.rstrip("/") + "/.well-known/openid-configuration")
            if about["issuer"] != self.url:
                raise ValueError("The issuer calls itself by another name.")
            keys = (await _json(http, about["jwks_uri"]))["keys"]
        found = (_usable(key) for key in keys[:_MAX_KEYS] if isinstance(key, dict))
        return {kid: key for one in found if one for kid, key in [one]}


async def _json(http: "aiohttp.ClientSession", url: str) -> Any:
    content = bytearray()
    async with http.get(url, allow_redirects=False, raise_for_status=True) as answer:
        async for part in answer.content.iter_any():
            content += part
            if len(content) > _MAX_ANSWER:
                raise ValueError("The answer of the issuer is too long.")
    return json.loads(content)


def _usable(jwk: dict[str, Any]) -> tuple[str | None, tuple[Any, str]] | None:
    """Returns the id of a public key for signatures, the key, and its one algorithm."""
    import jwt

    algorithm = _ALGORITHMS.get((str(jwk.get("kty")), jwk.get("crv")))
    if algorithm is None or jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    try:
        return jwk.get("kid"), (jwt.PyJWK(jwk, algorithm=algorithm).key, algorithm)
    except jwt.PyJWTError:
        return None


def _number(value: Any) -> float:
    """Returns a moment as a number; the library would take texts too."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("a moment must be a number")
    return float(value)
