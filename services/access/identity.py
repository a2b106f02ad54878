"""Identity of a caller: whose rows an operation reads and changes, and what it may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models import LOCAL_OWNER


class AccessKind(StrEnum):
    """What a caller is known by."""

    OPEN = "OPEN"
    START_TOKEN = "START_TOKEN"


@dataclass(frozen=True, slots=True)
class Identity:
    owner: str
    kind: AccessKind
    is_admin: bool = False


# Everybody, where the server is open.
LOCAL: Final = Identity(LOCAL_OWNER, AccessKind.OPEN, is_admin=True)
