"""Idempotency keys: the same request under the same key is done once.

What a request did is kept beside what it changed, in the same transaction, for 48 hours.
"""

import hashlib
import json
from datetime import timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import IdempotencyKey, now
from services import checking
from services.errors import IdempotencyConflict

EXPIRES_AFTER = timedelta(hours=48)

# Keys of the version before were not kept by mutation.
_ANY_KIND = ""


class KeyedRequest:
    """A request under an optional key. `kind` names the mutation, `asked` is all that it asks for.

    `later` is what the digest has included since version 0.2, so that older keys are still recognised.
    """

    def __init__(self, kind: str, key: str | None, *asked: Any, later: tuple[Any, ...] = ()) -> None:
        self._kind = kind
        self._key = None if key is None else checking.name(key, "idempotency_key")
        self._asked = asked
        self._later = later

    async def done_before(self, session: AsyncSession, parent_id: str = "") -> dict[str, Any] | None:
        """Returns what the same request did, if it was done. Raises IdempotencyConflict for a different one.

        Ask once the parent, whose id a request names, is known to be the caller's.
        """
        if self._key is None:
            return None
        await _serialize(session, f"{self._kind} {parent_id} {self._key}")
        query = select(IdempotencyKey).where(
            IdempotencyKey.kind.in_((self._kind, _ANY_KIND)),
            IdempotencyKey.parent_id == parent_id,
            IdempotencyKey.key == self._key,
        )
        known = await session.scalar(query.order_by(IdempotencyKey.kind.desc()).limit(1))
        if known is None:
            return None
        if known.digest != (self._digest if known.kind else self._digest_before):
            raise IdempotencyConflict
        return known.result

    def remember(self, session: AsyncSession, result: dict[str, Any], parent_id: str = "") -> None:
        """Keeps what the request did, to be stored with it."""
        if self._key is not None:
            session.add(
                IdempotencyKey(
                    kind=self._kind, parent_id=parent_id, key=self._key, digest=self._digest, result=result
                )
            )

    @cached_property
    def _digest(self) -> str:
        return _digest(self._kind, *self._asked, *self._later)

    @cached_property
    def _digest_before(self) -> str:
        return _digest(self._kind, *self._asked)


async def expire(session: AsyncSession) -> None:
    """Deletes the keys that are older than EXPIRES_AFTER."""
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - EXPIRES_AFTER))


async def _serialize(session: AsyncSession, name: str) -> None:
    """Makes requests with one key wait for each other where no row is there yet to be locked.

    SQLite has one writer at a time anyway.
    """
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        owned = f"{session.info['owner']} {name}"
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(owned, 0))))


def _digest(*asked: Any) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
