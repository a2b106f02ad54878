"""stops of replies written elsewhere"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("stop_wanted", sa.Boolean(), nullable=False, server_default=sa.false()))
    if op.get_context().dialect.name == "postgresql":
        # Whoever inserts a run says it. SQLite could drop the default only by making the table anew.
        op.alter_column("runs", "stop_wanted", server_default=None)


def downgrade() -> None:
    op.drop_column("runs", "stop_wanted")
