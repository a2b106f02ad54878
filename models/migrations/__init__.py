"""The tables' history: Alembic, run by `Database.migrate` on the connection it is handed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection


def config() -> Config:
    """Return Alembic's settings, which stand in pyproject.toml."""
    return Config(toml_file=Path(__file__).parents[2] / "pyproject.toml")


def upgrade(connection: Connection, revision: str = "head") -> bool:
    """Run what is missing up to the revision; tell whether there was nothing before."""
    is_new = MigrationContext.configure(connection).get_current_revision() is None
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)
    return is_new
