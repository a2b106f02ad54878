"""Secrets that are handed out once: session and personal tokens, and setup codes. Only their digests are kept."""

import hashlib
import secrets
import string
import zlib
from typing import Final

SESSION: Final = "rpt_s_"
TOKEN: Final = "rpt_t_"

_DIGITS = string.digits + string.ascii_letters
_RANDOM, _CHECKSUM = 43, 6
# Letters and digits that nobody takes for each other.
_OF_CODES = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_GROUPS, _CODE_GROUP = 5, 5


def new_token(prefix: str) -> str:
    """Returns 32 random bytes in base62, and a checksum by which scanners and this server know a token."""
    body = prefix + _base62(int.from_bytes(secrets.token_bytes(32)), _RANDOM)
    return body + _checksum(body)


def is_token(text: str) -> bool:
    """Returns whether the text has the form of a token, which one that was typed or cut off has not."""
    body, checksum = text[:-_CHECKSUM], text[-_CHECKSUM:]
    return body.isascii() and body.startswith((SESSION, TOKEN)) and checksum == _checksum(body)


def new_setup_code() -> str:
    """Returns a code that can be read out and typed, of 123 bits."""
    groups = ("".join(secrets.choice(_OF_CODES) for _ in range(_CODE_GROUP)) for _ in range(_CODE_GROUPS))
    return "-".join(groups)


def digest(secret: str) -> str:
    # They are random and long, so that a fast hash without salt tells nothing about them.
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def digest_of_code(code: str) -> str:
    """Returns the digest of a setup code, however it was typed."""
    return digest("".join(one for one in code.upper() if one.isalnum()))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
