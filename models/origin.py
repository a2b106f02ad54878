"""Table of origins: where an imported row came from."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Choice, Key, now
from models.ownership import Owned


class OriginKind(StrEnum):
    CHARACTER = "CHARACTER"
    OWN_HISTORY = "OWN_HISTORY"
    CONVERSATION = "CONVERSATION"


class Origin(Owned, Base):
    """`key` is a digest of what was found, so that finding it again adds nothing.

    `name` is the character's, as it was found; `document` is what was found, without its messages.
    It goes with the row it led to: what was deleted here can be imported again.
    """

    __tablename__ = "origins"
    __table_args__ = (
        Index(None, "owner", "kind", "name"),
        Index(None, "character_id"),
        Index(None, "conversation_id"),
    )

    owner: Mapped[str] = mapped_column(Key("user"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[OriginKind] = mapped_column(Choice(OriginKind, OriginKind.CONVERSATION))
    form: Mapped[str]
    name: Mapped[str]
    character_id: Mapped[str] = mapped_column(Key("char"), ForeignKey("characters.id", ondelete="CASCADE"))
    conversation_id: Mapped[str | None] = mapped_column(
        Key("conv"), ForeignKey("conversations.id", ondelete="CASCADE")
    )
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
