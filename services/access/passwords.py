"""Passwords: what is accepted for one, and Argon2id in threads, a few at once."""

import asyncio
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from services.access.errors import TooManyAttempts
from services.errors import InvalidInput

MIN_LENGTH, MAX_LENGTH = 12, 256
# OWASP's least: 19 MiB, two passes, one lane.
_MEMORY, _PASSES, _LANES = 19 * 1024, 2, 1
_AT_ONCE, _WAITING = 2, 16
_DISTINCT = 5
# Of those that people choose most, the ones that the other rules let pass.
_COMMON = frozenset(
    (
        "password1234",
        "123456789012",
        "1234567890qwerty",
        "qwertyuiop123",
        "qwertyuiopasdf",
        "qwerty123456",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "iloveyou1234",
        "administrator",
        "letmein12345",
        "welcome12345",
        "changeme1234",
        "correcthorsebatterystaple",
        "abcdefghijkl",
        "abcd12345678",
    )
)


class Passwords:
    """Hashes take 19 MiB and 30 ms each, so that two are made at once, and few wait for it."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._present = 0
        self._decoy: str | None = None

    @contextmanager
    def place(self) -> Iterator[None]:
        """Takes a place among those who wait. Raises TooManyAttempts when all are taken."""
        if self._present >= _AT_ONCE + _WAITING:
            raise TooManyAttempts(2)
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1

    async def hash(self, password: str) -> str:
        return str(await self._in_turn(_hash, normalized(password)))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Takes as long without a stored hash, so that nobody learns which names there are."""
        if self._decoy is None:
            self._decoy = await self._in_turn(_hash, os.urandom(32).hex())
        fits: bool = await self._in_turn(_verify, normalized(password), stored or self._decoy)
        return fits and stored is not None

    async def _in_turn(self, work: Any, *arguments: str) -> Any:
        async with self._places:
            return await asyncio.to_thread(work, *arguments)


def normalized(password: str) -> str:
    """Returns the password as each keyboard means it; one that is too long is cut to what no password is."""
    return unicodedata.normalize("NFC", password[: MAX_LENGTH + 1])


def check(password: str, *path: str) -> None:
    """Raises InvalidInput for a password that is not accepted."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInput(f"A password must have {MIN_LENGTH} to {MAX_LENGTH} characters.", *path)
    folded = password.casefold()
    is_repeated = folded in (folded + folded)[1:-1]
    if folded in _COMMON or is_repeated or len(set(folded)) < _DISTINCT:
        raise InvalidInput("This password is easily guessed; choose another one.", *path)


def _hash(password: str) -> str:
    # It takes a while to import, and servers without accounts never need it.
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    kdf = Argon2id(salt=os.urandom(16), length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY)
    encoded: Final = kdf.derive_phc_encoded(_bytes(password))
    return encoded


def _verify(password: str, stored: str) -> bool:
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id.verify_phc_encoded(_bytes(password), stored)
    except InvalidKey:
        return False
    return True


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")
