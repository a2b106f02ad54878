"""Whom one talks with."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Key, Record, new_key, now
from models.generation import Generation

if TYPE_CHECKING:
    from models.conversation import Conversation


class Character(Base):
    __tablename__ = "characters"
    __table_args__ = (Index(None, "owner", "name_folded", "id"),)

    id: Mapped[str] = mapped_column(Key("char"), primary_key=True, default=lambda: new_key("char"))
    owner: Mapped[str] = mapped_column(default="local")
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

    conversations: Mapped[list["Conversation"]] = relationship(
        back_populates="character", lazy="raise", passive_deletes=True
    )
