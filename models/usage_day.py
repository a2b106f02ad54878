"""Table of usage: how many replies and tokens a user had on a day. It outlives the chats that they were in."""

from datetime import date

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key


class UsageDay(Base):
    """`day` is a day in UTC."""

    __tablename__ = "usage_days"

    user_id: Mapped[str] = mapped_column(Key("user"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    replies: Mapped[int] = mapped_column(default=0)
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
