"""Tables of the search: the folded text of each message, and how far those of old messages are filled in."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key
from models.ownership import Owned

# The index over the texts: in SQLite a full-text index that triggers keep, with tables whose names begin with it;
# in PostgreSQL one of the extension pg_trgm, where that may be used.
TEXT_INDEX = "message_trigrams"


class MessageText(Owned, Base):
    """The text of a message as it is searched. A reply has none before it has ended for the first time.

    `number` orders the texts by age. The implicit row number of `messages` would not do: VACUUM may change it.
    """

    __tablename__ = "message_texts"
    __table_args__ = (Index(None, "conversation_id", "number"),)

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    message_id: Mapped[str] = mapped_column(Key("msg"), ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    # A message never changes its conversation; here it lets a search of one conversation walk an index.
    conversation_id: Mapped[str] = mapped_column(Key("conv"))
    folded: Mapped[str]


# The texts of all owners, for statements that read no more than numbers: no session binds those.
TEXTS_OF_EVERYONE = MessageText.__table__.alias("texts_of_everyone")


class TextFilling(Base):
    """One row while messages from before the search still lack their texts: those older than `before_id`."""

    __tablename__ = "text_fillings"

    before_id: Mapped[str] = mapped_column(Key("msg"), primary_key=True)
