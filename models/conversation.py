"""Table of conversations."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Choice, Key, Record, new_key, now
from models.generation import Generation
from models.ownership import Owned


class TitleSource(StrEnum):
    DEFAULT = "DEFAULT"
    USER = "USER"
    IMPORTED = "IMPORTED"
    GENERATED = "GENERATED"


class Conversation(Owned, Base):
    """`message_count` is the length of the active path, so its last page needs no counting.

    `history_version` counts what happens to the messages; `version` counts changes of the other fields.
    """

    __tablename__ = "conversations"
    # An index by the parent holds the owner too: with the owner in every WHERE, SQLite would rather walk an index
    # that begins with the owner. The parent comes first, for the foreign key.
    __table_args__ = (
        Index(None, "character_id", "owner", "active_at", "id"),
        Index(None, "character_id", "owner", "created_at", "id"),
        Index(None, "character_id", "owner", "title_folded", "id"),
        Index(None, "character_id", "owner", "updated_at", "id"),
        Index(None, "owner", "active_at", "id"),
        Index(None, "owner", "created_at", "id"),
        Index(None, "owner", "title_folded", "id"),
        Index(None, "owner", "updated_at", "id"),
    )

    id: Mapped[str] = mapped_column(Key("conv"), primary_key=True, default=lambda: new_key("conv"))
    character_id: Mapped[str] = mapped_column(Key("char"), ForeignKey("characters.id", ondelete="CASCADE"))
    title: Mapped[str]
    title_folded: Mapped[str]
    title_source: Mapped[TitleSource] = mapped_column(Choice(TitleSource, TitleSource.USER))
    topic: Mapped[str | None]
    context: Mapped[str | None]
    # No foreign key: the message may be deleted, and the two tables would refer to each other in a circle.
    forked_from_id: Mapped[str | None] = mapped_column(Key("msg"))
    generation: Mapped[Generation] = mapped_column(Record(Generation), default=Generation)
    version: Mapped[int] = mapped_column(default=1)
    history_version: Mapped[int] = mapped_column(default=1)
    message_count: Mapped[int] = mapped_column(default=0)
    active_at: Mapped[datetime] = mapped_column(default=now)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
