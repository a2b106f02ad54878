"""Table of audit events: what was done to accounts and credentials, by whom and from where; nothing of chats."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, new_key, now


class AuditEvent(Base):
    """`actor` and `subject` are ids of users that may be gone; both are None where a name was unknown."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "subject", "id"),)

    id: Mapped[str] = mapped_column(Key("audit"), primary_key=True, default=lambda: new_key("audit"))
    at: Mapped[datetime] = mapped_column(default=now)
    actor: Mapped[str | None] = mapped_column(Key("user"))
    action: Mapped[str]
    subject: Mapped[str | None] = mapped_column(Key("user"))
    credential_id: Mapped[str | None] = mapped_column(Key("cred"))
    network: Mapped[str] = mapped_column(default="")
    outcome: Mapped[str] = mapped_column(default="")
