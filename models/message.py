"""Table of messages: what was written, and its place in the tree of a conversation."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, false, inspect, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Choice, Key, Record, new_key, now
from models.generation import Failure, FinishReason, TokenUsage
from models.ownership import Owned


class Role(StrEnum):
    SYSTEM = "SYSTEM"
    USER = "USER"
    ASSISTANT = "ASSISTANT"


class Status(StrEnum):
    PENDING = "PENDING"
    STREAMING = "STREAMING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"


UNFINISHED = (Status.PENDING, Status.STREAMING)


class Message(Owned, Base):
    """A node of the tree; siblings are alternatives.

    `active` marks the one path that is the conversation. `selected` marks the child that was last on the path,
    so that a branch comes back as it was left. Status, failure and usage are those of the latest run.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index(
            "uq_messages_active_path",
            "conversation_id",
            "owner",
            "position",
            unique=True,
            sqlite_where=text("active = 1"),
            postgresql_where=text("active"),
        ),
        Index(None, "conversation_id", "owner", "position", "id"),
        Index(None, "parent_id", "owner", "id"),
        Index(None, "speaker_id"),
        Index(
            "ix_messages_edited",
            "conversation_id",
            "owner",
            "edited_version",
            sqlite_where=text("edited_version > 0"),
            postgresql_where=text("edited_version > 0"),
        ),
    )

    id: Mapped[str] = mapped_column(Key("msg"), primary_key=True, default=lambda: new_key("msg"))
    conversation_id: Mapped[str] = mapped_column(Key("conv"), ForeignKey("conversations.id", ondelete="CASCADE"))
    # No cascade: SQLite would recurse once a message, and gives up at a depth of 1,000.
    parent_id: Mapped[str | None] = mapped_column(Key("msg"), ForeignKey("messages.id"))
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)
    selected: Mapped[bool] = mapped_column(default=True)
    # No part of any prompt; an import may bring such messages.
    hidden: Mapped[bool] = mapped_column(default=False, server_default=false())
    role: Mapped[Role] = mapped_column(Choice(Role, Role.ASSISTANT))
    speaker_id: Mapped[str | None] = mapped_column(Key("char"), ForeignKey("characters.id", ondelete="SET NULL"))
    content: Mapped[str] = mapped_column(default="")
    status: Mapped[Status] = mapped_column(Choice(Status, Status.COMPLETED), default=Status.COMPLETED)
    finish_reason: Mapped[FinishReason | None] = mapped_column(Choice(FinishReason, FinishReason.END))
    failure: Mapped[Failure | None] = mapped_column(Record(Failure))
    model: Mapped[str | None]
    usage: Mapped[TokenUsage | None] = mapped_column(Record(TokenUsage))
    extra: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    edited_at: Mapped[datetime | None]
    edited_version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime | None] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    def shown_as(self, content: str, status: Status) -> "Message":
        """Returns a copy, in no session, with another text and status: a row is never changed only to be shown."""
        copy = Message(**{column.key: getattr(self, column.key) for column in inspect(Message).column_attrs})
        copy.content, copy.status = content, status
        if status in UNFINISHED:
            copy.finish_reason = copy.failure = None
        return copy
