"""Audit events, as an admin or the user they are about reads them."""

from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from models import AuditEvent
from services.access.accounts import Accounts
from services.access.identity import Identity
from services.access.permissions import require_account
from services.paging import Order, Page, PageArguments

_ORDER = Order("audit events", (AuditEvent.id,), descending=True)


class AuditService:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def page(self, caller: Identity, page: PageArguments) -> Page[AuditEvent]:
        """Returns the caller's own events, and to an admin those of all. Raises Forbidden."""
        query = select(AuditEvent).where(*_visible(caller))
        async with self._accounts.read() as session:
            return await _ORDER.of(caller.owner).page(session, query, page)

    async def count(self, caller: Identity) -> int:
        """Raises Forbidden."""
        async with self._accounts.read() as session:
            return await session.scalar(select(func.count(AuditEvent.id)).where(*_visible(caller))) or 0


def _visible(caller: Identity) -> list[ColumnElement[Any]]:
    require_account(caller)
    own = or_(AuditEvent.subject == caller.owner, AuditEvent.actor == caller.owner)
    return [] if caller.is_admin else [own]
