"""What a request with an idempotency key did, so that the same request does it once."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, now


class Request(Base):
    """`scope` is the id of what the key belongs to; `digest` tells one request from another under one key."""

    __tablename__ = "requests"

    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    result: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
