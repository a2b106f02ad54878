"""What Alembic runs: migrations on the connection it was handed; its command line gets the default file."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, create_engine

from models.base import Base, Key, Moment, Record


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our column types as the plain ones they are, so that migrations never import ours."""
    if kind != "type" or not isinstance(item, Key | Moment | Record):
        return False
    if isinstance(item, Key):
        return 'sa.Uuid().with_variant(sa.CHAR(32), "sqlite")'
    return "sa.DateTime(timezone=True)" if isinstance(item, Moment) else "sa.JSON()"


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


if (handed := context.config.attributes.get("connection")) is not None:
    migrate(handed)
else:
    with create_engine("sqlite:///data/repartee.db").connect() as connection:
        migrate(connection)
        connection.commit()
