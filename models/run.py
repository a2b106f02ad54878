"""One go at writing a reply: a first reply, another alternative, or a continuation."""

from datetime import datetime

from sqlalchemy import Enum, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Record
from models.generation import Failure, FinishReason, TokenUsage
from models.message import Status


class Run(Base):
    """`started`, `ended`: values of the conversation's history_version. Offsets count code points.

    Whoever writes the run is `writer`; it holds the run until `lease_until` and renews that as it goes.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index(
            "uq_runs_unfinished",
            "conversation_id",
            unique=True,
            sqlite_where=text("ended IS NULL"),
            postgresql_where=text("ended IS NULL"),
        ),
        Index(None, "message_id"),
    )

    conversation_id: Mapped[str] = mapped_column(
        Key("conv"), ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    started: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(Key("msg"), ForeignKey("messages.id", ondelete="CASCADE"))
    start_offset: Mapped[int]
    ended: Mapped[int | None]
    end_offset: Mapped[int | None]
    status: Mapped[Status] = mapped_column(Enum(Status, native_enum=False, length=16), default=Status.PENDING)
    finish_reason: Mapped[FinishReason | None] = mapped_column(Enum(FinishReason, native_enum=False, length=16))
    failure: Mapped[Failure | None] = mapped_column(Record(Failure))
    usage: Mapped[TokenUsage | None] = mapped_column(Record(TokenUsage))
    model: Mapped[str | None]
    writer: Mapped[str]
    lease_until: Mapped[datetime]
