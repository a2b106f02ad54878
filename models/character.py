"""Table of characters."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Record, new_key, now
from models.generation import Generation
from models.ownership import Owned


class Character(Owned, Base):
    """`conversation_count` is kept, so that no list counts. From `deleting_at` on, the character and all that
    belongs to it are hidden from its owner, and taken apart in batches."""

    __tablename__ = "characters"
    __table_args__ = (
        Index(None, "owner", "name_folded", "id"),
        Index(None, "owner", "active_at", "id"),
        Index(None, "owner", "created_at", "id"),
        Index(None, "owner", "updated_at", "id"),
        Index(
            "ix_characters_deleting",
            "id",
            sqlite_where=text("deleting_at IS NOT NULL"),
            postgresql_where=text("deleting_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Key("char"), primary_key=True, default=lambda: new_key("char"))
    name: Mapped[str]
    name_folded: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    personality: Mapped[str] = mapped_column(default="")
    scenario: Mapped[str] = mapped_column(default="")
    system_prompt: Mapped[str] = mapped_column(default="")
    post_history_instructions: Mapped[str] = mapped_column(default="")
    example_dialogue: Mapped[str] = mapped_column(default="")
    greeting: Mapped[str | None]
    alternate_greetings: Mapped[list[str]] = mapped_column(JSON, default=list)
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    avatar_url: Mapped[str | None]
    generation: Mapped[Generation] = mapped_column(Record(Generation), default=Generation)
    extra: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    version: Mapped[int] = mapped_column(default=1)
    active_at: Mapped[datetime] = mapped_column(default=now)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    conversation_count: Mapped[int] = mapped_column(default=0)
    deleting_at: Mapped[datetime | None]
