"""Table of runs. A run is one attempt at writing a reply: a first reply, an alternative, or a continuation."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Choice, Key, Record
from models.generation import Failure, FinishReason, TokenUsage
from models.message import Status
from models.ownership import Owned


class Run(Owned, Base):
    """`started`, `ended`: values of the conversation's history_version. Offsets count code points.

    `writer` names the process that writes the run; it holds the run as long as its row in `writers` is alive.
    `stop_wanted` is how another process asks it to stop.
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
    status: Mapped[Status] = mapped_column(Choice(Status, Status.COMPLETED), default=Status.PENDING)
    finish_reason: Mapped[FinishReason | None] = mapped_column(Choice(FinishReason, FinishReason.END))
    failure: Mapped[Failure | None] = mapped_column(Record(Failure))
    usage: Mapped[TokenUsage | None] = mapped_column(Record(TokenUsage))
    model: Mapped[str | None]
    writer: Mapped[str]
    stop_wanted: Mapped[bool] = mapped_column(default=False)
