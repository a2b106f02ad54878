"""trigrams of texts in PostgreSQL, to search them"""

import logging

from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

logger = logging.getLogger("repartee.database")


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    try:
        with op.get_bind().begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            op.execute("CREATE INDEX message_trigrams ON message_texts USING gin (folded gin_trgm_ops)")
    except DBAPIError as error:
        # Not every server has the extension, and not every role may use it. The search works without.
        logger.warning("The search has no index, because pg_trgm cannot be used here: %s", error.orig)


def downgrade() -> None:
    op.execute("DROP INDEX IF EXISTS message_trigrams")
