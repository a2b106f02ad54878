"""Cleaning of provider text that is stored: no NUL, no lone surrogates, names of at most 200 characters."""

import re

MAX_NAME_LENGTH = 200
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable_text(text: str) -> str:
    """Returns the text without NUL, with surrogate pairs joined and lone surrogates replaced by U+FFFD."""
    if not _UNSTORABLE.search(text):
        return text
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable_name(name: str) -> str:
    """Returns the storable text of the first 200 characters of a name."""
    return storable_text(name[:MAX_NAME_LENGTH])
