"""owners, leases and idempotency keys"""

import unicodedata
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.Uuid().with_variant(sa.CHAR(32), "sqlite")
_LOCAL_OWNER = "00000000000070008000000000000001"
_EDITED, _DELETING = "edited_version > 0", "deleting_at IS NOT NULL"
_FOLDED = {"characters": ("name", "name_folded"), "conversations": ("title", "title_folded")}

_DROPPED = {
    "conversations": ["ix_conversations_character_id_active_at_id"],
    "messages": [
        "uq_messages_active_path",
        "ix_messages_conversation_id_position_id",
        "ix_messages_parent_id",
        "ix_messages_edited",
    ],
}
_CREATED = {
    "characters": [["owner", "active_at", "id"], ["owner", "created_at", "id"], ["owner", "updated_at", "id"]],
    "conversations": [
        *(
            ["character_id", "owner", key, "id"]
            for key in ("active_at", "created_at", "title_folded", "updated_at")
        ),
        *(["owner", key, "id"] for key in ("created_at", "title_folded", "updated_at")),
    ],
    "messages": [["conversation_id", "owner", "position", "id"], ["parent_id", "owner", "id"]],
}


def upgrade() -> None:
    # Nothing here is a batch: SQLite would drop the old table, and every row that refers to it by cascade.
    _add_columns()
    _own_rows()
    _keep_keys()
    _refold()
    for table, names in _DROPPED.items():
        for name in names:
            op.drop_index(name, table_name=table)
    for table, indexes in _CREATED.items():
        for columns in indexes:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    _create_partial_indexes()


def _add_columns() -> None:
    op.create_table(
        "writers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_writers")),
    )
    op.drop_column("runs", "lease_until")
    op.add_column("characters", sa.Column("deleting_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "characters", sa.Column("conversation_count", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    if _is_sqlite():
        for table in ("messages", "runs"):
            op.add_column(table, sa.Column("owner", sa.CHAR(32), server_default="", nullable=False))
        return
    for table in ("messages", "runs"):
        op.add_column(table, sa.Column("owner", _KEY, nullable=True))


def _own_rows() -> None:
    for table in ("characters", "conversations", "origins"):
        op.execute(f"UPDATE {table} SET owner = '{_LOCAL_OWNER}' WHERE owner = 'local'")
        if not _is_sqlite():
            op.alter_column(table, "owner", type_=_KEY, postgresql_using="owner::uuid")
    for table in ("messages", "runs"):
        op.execute(
            f"UPDATE {table} SET owner = "
            f"(SELECT owner FROM conversations WHERE conversations.id = {table}.conversation_id)"
        )
        if not _is_sqlite():
            op.alter_column(table, "owner", nullable=False)
    op.execute(
        "UPDATE characters SET conversation_count = "
        "(SELECT count(*) FROM conversations WHERE conversations.character_id = characters.id)"
    )
    if not _is_sqlite():
        op.alter_column("characters", "conversation_count", server_default=None)


def _keep_keys() -> None:
    """Copies the keys that have not expired. Their mutation is not known, so their kind is empty."""
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", _KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "kind", "parent_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    requests = sa.table("requests", *map(sa.column, ("scope", "key", "digest", "result", "created_at")))
    oldest = sa.bindparam("oldest", datetime.now(UTC) - timedelta(hours=48), sa.DateTime(timezone=True))
    parent = sa.case((requests.c.scope == "local", ""), else_=requests.c.scope)
    kept = sa.select(
        sa.literal_column(f"'{_LOCAL_OWNER}'"),
        sa.literal_column("''"),
        parent,
        *(requests.c[name] for name in ("key", "digest", "result", "created_at")),
    ).where(requests.c.created_at > oldest)
    keys = sa.table("idempotency_keys", *map(sa.column, ("owner", "kind", "parent_id", *requests.c.keys()[1:])))
    op.execute(keys.insert().from_select(keys.c.keys(), kept))
    op.drop_table("requests")


def _refold() -> None:
    connection = op.get_bind()
    for name, (shown, folded) in _FOLDED.items():
        table = sa.table(name, *map(sa.column, ("id", shown, folded)))
        for row in connection.execute(sa.select(table)).all():
            if (again := fold(row[1])) != row[2]:
                connection.execute(table.update().where(table.c.id == row[0]).values({folded: again}))


def fold(text: str) -> str:
    """Folds as services.checking did when this was written."""
    folded = ""
    while folded != text:
        folded, text = text, unicodedata.normalize("NFKC", text).casefold()
        text = text.replace("i\N{COMBINING DOT ABOVE}", "i").replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
    return folded[:200]


def _create_partial_indexes() -> None:
    for name, table, columns, condition, unique in (
        ("ix_characters_deleting", "characters", ["id"], _DELETING, False),
        ("ix_messages_edited", "messages", ["conversation_id", "owner", "edited_version"], _EDITED, False),
        ("uq_messages_active_path", "messages", ["conversation_id", "owner", "position"], "active", True),
    ):
        where = sa.text("active = 1") if condition == "active" and _is_sqlite() else sa.text(condition)
        op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: this migration has dropped what the version before needs.")
