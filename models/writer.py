"""Table of writers: the processes that write replies, and until when each is known to be alive."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Writer(Base):
    """A lease. The process renews `alive_until`, by the database's clock; without it its runs are abandoned."""

    __tablename__ = "writers"

    name: Mapped[str] = mapped_column(primary_key=True)
    alive_until: Mapped[datetime]
