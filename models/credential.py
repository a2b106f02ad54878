"""Table of credentials: sessions, personal tokens and setup codes. Their secrets are kept as digests alone."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Choice, Key, new_key, now


class CredentialKind(StrEnum):
    SESSION = "SESSION"
    TOKEN = "TOKEN"
    SETUP = "SETUP"


class Credential(Base):
    """`digest` is SHA-256 of the secret, `hint` its last characters. `scopes` are separated by spaces."""

    __tablename__ = "credentials"
    __table_args__ = (Index(None, "user_id", "id"),)

    id: Mapped[str] = mapped_column(Key("cred"), primary_key=True, default=lambda: new_key("cred"))
    user_id: Mapped[str] = mapped_column(Key("user"), ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[CredentialKind] = mapped_column(Choice(CredentialKind, CredentialKind.SETUP))
    digest: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    hint: Mapped[str] = mapped_column(default="")
    scopes: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
