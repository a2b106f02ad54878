"""order of texts in PostgreSQL"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SORTED = (("characters", "name_folded"), ("conversations", "title_folded"), ("message_texts", "folded"))


def upgrade() -> None:
    # By their bytes, as SQLite orders them, whatever the language of the database and its version of the rules.
    _collate(' COLLATE "C"')


def downgrade() -> None:
    _collate(' COLLATE "default"')


def _collate(collation: str) -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table, column in _SORTED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE VARCHAR{collation}")
