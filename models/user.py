"""Table of users: who may use a server with accounts. Each is the owner of rows under the same id."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Choice, Key, new_key, now


class UserRole(StrEnum):
    ADMIN = "ADMIN"
    USER = "USER"


class UserStatus(StrEnum):
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class User(Base):
    """`password_hash` is Argon2id's, None without a password. Without `display_name`, USER_NAME is shown.

    `max_replies` replies may be written at once for the user; None stands for the default. `tokens_a_day` limits
    the tokens of a day in UTC; None stands for no limit.
    """

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(Key("user"), primary_key=True, default=lambda: new_key("user"))
    name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str | None]
    role: Mapped[UserRole] = mapped_column(Choice(UserRole, UserRole.USER), default=UserRole.USER)
    status: Mapped[UserStatus] = mapped_column(Choice(UserStatus, UserStatus.DISABLED), default=UserStatus.ACTIVE)
    max_replies: Mapped[int | None]
    tokens_a_day: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
