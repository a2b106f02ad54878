"""The tables' history: Alembic, run by `Database.migrate` on the connection it is handed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def config() -> Config:
    """Return Alembic's settings, which stand in pyproject.toml."""
    return Config(toml_file=Path(__file__).parents[2] / "pyproject.toml")


def upgrade(connection: Connection, revision: str = "head") -> None:
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)
