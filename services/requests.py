"""Doing a request once: what an idempotency key did is kept beside what it did, in the same transaction."""

import hashlib
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Request
from services import checking
from services.errors import IdempotencyConflict


class Once:
    """A request under an optional key; `scope` is the id of what the key belongs to."""

    def __init__(self, scope: str, key: str | None, *asked: Any) -> None:
        self._scope = scope
        self._key = None if key is None else checking.name(key, "idempotency_key")
        packed = json.dumps(asked, sort_keys=True, default=str)
        self._digest = hashlib.sha256(packed.encode()).hexdigest()

    async def done_before(self, session: AsyncSession) -> dict[str, Any] | None:
        """Return what the same request did, if it did. Raises IdempotencyConflict when another one had the key."""
        if self._key is None:
            return None
        known = await session.scalar(select(Request).where(Request.scope == self._scope, Request.key == self._key))
        if known is not None and known.digest != self._digest:
            raise IdempotencyConflict
        return known.result if known is not None else None

    def remember(self, session: AsyncSession, result: dict[str, Any]) -> None:
        if self._key is not None:
            session.add(Request(scope=self._scope, key=self._key, digest=self._digest, result=result))
