"""Identity of a caller: whose rows an operation reads and changes, and what it may do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from models import LOCAL_OWNER


class AccessKind(StrEnum):
    """What a caller is known by."""

    OPEN = "OPEN"
    START_TOKEN = "START_TOKEN"
    SESSION = "SESSION"
    TOKEN = "TOKEN"
    JWT = "JWT"
    PROXY = "PROXY"


class ListedKind(StrEnum):
    """Kinds of credentials that their user sees; setup codes are none."""

    SESSION = "SESSION"
    TOKEN = "TOKEN"


class TokenScope(StrEnum):
    """What a personal token may do. WRITE includes READ."""

    READ = "READ"
    WRITE = "WRITE"


@dataclass(frozen=True, slots=True)
class Identity:
    """`credential_id` names the row of the credential, if it has one. `since`: when the caller signed in."""

    owner: str
    kind: AccessKind
    is_admin: bool = False
    may_write: bool = True
    credential_id: str | None = None
    since: datetime | None = None
    expires_at: datetime | None = None


# Everybody, where the server is open.
LOCAL: Final = Identity(LOCAL_OWNER, AccessKind.OPEN, is_admin=True)
