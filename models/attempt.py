"""Table of attempts: failures to sign in, by name and network, and until when no other is looked at."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Attempt(Base):
    """`key` is a digest, so that nobody reads here what people typed for a name."""

    __tablename__ = "attempts"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    blocked_until: Mapped[datetime]
