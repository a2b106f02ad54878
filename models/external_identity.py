"""Table of external identities: whom an issuer's subject, or a proxy's user, is here."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key


class ExternalIdentity(Base):
    """Users are never matched by their names or addresses, which an issuer may give to somebody else."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(Key("user"), ForeignKey("users.id", ondelete="CASCADE"), index=True)
