"""Alembic's environment: runs migrations on the connection it is given, or on REPARTEE_DATABASE_URL's."""

import os
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, create_engine, make_url

from models.base import Base, Choice, Key, Moment, Record
from models.migrations import is_declared


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Renders our column types as plain ones, so that migrations import none of ours."""
    match item:
        case Key():
            return 'sa.Uuid().with_variant(sa.CHAR(32), "sqlite")'
        case Choice():
            return "sa.String(length=16)"
        case Moment():
            return "sa.DateTime(timezone=True)"
        case Record():
            return "sa.JSON()"
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        include_name=is_declared,
    )
    with context.begin_transaction():
        context.run_migrations()


if (handed := context.config.attributes.get("connection")) is not None:
    migrate(handed)
else:
    # Alembic's own command line, which works without asyncio: the URL's backend with its default driver.
    url = make_url(os.environ.get("REPARTEE_DATABASE_URL", "sqlite:///data/repartee.db"))
    with create_engine(url.set(drivername=url.get_backend_name())).connect() as connection:
        migrate(connection)
        connection.commit()
