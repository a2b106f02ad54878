"""What a caller may do to accounts: rules that raise Forbidden."""

from datetime import timedelta

from models import now
from services.access.identity import AccessKind, Identity
from services.errors import Forbidden

RECENT = timedelta(minutes=10)


def require_account(caller: Identity) -> None:
    """Raises Forbidden where there are no accounts, and for a personal token, which may leak."""
    if caller.kind in (AccessKind.OPEN, AccessKind.START_TOKEN):
        raise Forbidden("This server has no accounts. REPARTEE_ACCESS=accounts gives it some.")
    if caller.kind is AccessKind.TOKEN:
        raise Forbidden("A personal token changes no account. Sign in to do it.")


def require_recent_sign_in(caller: Identity) -> None:
    """Raises Forbidden when the caller has not signed in lately. A proxy vouches for each request anew."""
    require_account(caller)
    is_recent = caller.since is not None and caller.since > now() - RECENT
    if caller.kind is not AccessKind.PROXY and not is_recent:
        raise Forbidden("This needs a sign-in within the last 10 minutes. Sign in again, then repeat it.")


def require_admin(caller: Identity) -> None:
    """Raises Forbidden."""
    require_account(caller)
    if not caller.is_admin:
        raise Forbidden("Only an admin may do this.")
