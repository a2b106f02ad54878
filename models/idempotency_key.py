"""Table of idempotency keys: what a request with a key did, so that the same request is done once."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, now
from models.ownership import Owned


class IdempotencyKey(Owned, Base):
    """`kind` is the mutation, `parent_id` the id of what it is done to (empty where there is none).

    `digest` tells one request under a key from another. Rows expire, see services.idempotency.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    owner: Mapped[str] = mapped_column(Key("user"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    result: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
