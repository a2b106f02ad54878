"""texts of messages, to search them"""

import sqlite3

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.Uuid().with_variant(sa.CHAR(32), "sqlite")
_LAST_KEY = "f" * 32

_INSERT = "INSERT INTO message_trigrams (rowid, folded) VALUES (new.number, new.folded);"
_DELETE = (
    "INSERT INTO message_trigrams (message_trigrams, rowid, folded) VALUES ('delete', old.number, old.folded);"
)
_TRIGGERS = {
    "AFTER INSERT": _INSERT,
    "AFTER DELETE": _DELETE,
    "AFTER UPDATE OF folded": _DELETE + _INSERT,
}


def upgrade() -> None:
    op.create_table(
        "message_texts",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", _KEY, nullable=False),
        sa.Column("conversation_id", _KEY, nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("owner", _KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_message_texts_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_message_texts")),
        sa.UniqueConstraint("message_id", name=op.f("uq_message_texts_message_id")),
    )
    op.create_index(
        op.f("ix_message_texts_conversation_id_number"), "message_texts", ["conversation_id", "number"]
    )
    op.create_table(
        "text_fillings",
        sa.Column("before_id", _KEY, nullable=False),
        sa.PrimaryKeyConstraint("before_id", name=op.f("pk_text_fillings")),
    )
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT 1 FROM messages)")):
        op.execute(f"INSERT INTO text_fillings (before_id) VALUES ('{_LAST_KEY}')")
    if _has_trigrams():
        _create_index()


def _has_trigrams() -> bool:
    if op.get_context().dialect.name != "sqlite" or sqlite3.sqlite_version_info < (3, 34):
        return False
    return bool(op.get_bind().scalar(sa.text("SELECT sqlite_compileoption_used('ENABLE_FTS5')")))


def _create_index() -> None:
    # Without positions (detail) the index is a fifth as large, and an append takes two thirds of the time; that a
    # word is there as a whole is seen in the text. Texts are folded already.
    op.execute(
        "CREATE VIRTUAL TABLE message_trigrams USING fts5(folded, content='message_texts', "
        "content_rowid='number', tokenize='trigram case_sensitive 1', columnsize=0, detail=none)"
    )
    for number, (moment, change) in enumerate(_TRIGGERS.items()):
        op.execute(f"CREATE TRIGGER message_trigrams_{number} {moment} ON message_texts BEGIN {change} END")


def downgrade() -> None:
    op.drop_table("text_fillings")
    op.drop_table("message_texts")
    op.execute("DROP TABLE IF EXISTS message_trigrams")
