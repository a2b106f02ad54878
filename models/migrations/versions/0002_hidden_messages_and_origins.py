"""hidden messages and origins"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: SQLite adds such a column in place, a batch would copy the whole table.
    op.add_column("messages", sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "origins",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("CHARACTER", "OWN_HISTORY", "CONVERSATION", name="originkind", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("character_id", sa.Uuid().with_variant(sa.CHAR(32), "sqlite"), nullable=False),
        sa.Column("conversation_id", sa.Uuid().with_variant(sa.CHAR(32), "sqlite"), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["character_id"], ["characters.id"], name=op.f("fk_origins_character_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_origins_conversation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_origins")),
    )
    with op.batch_alter_table("origins", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_origins_character_id"), ["character_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_origins_conversation_id"), ["conversation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_origins_owner_kind_name"), ["owner", "kind", "name"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("origins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_origins_owner_kind_name"))
        batch_op.drop_index(batch_op.f("ix_origins_conversation_id"))
        batch_op.drop_index(batch_op.f("ix_origins_character_id"))

    op.drop_table("origins")
    op.drop_column("messages", "hidden")
