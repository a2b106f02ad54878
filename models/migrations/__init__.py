"""The tables' history: Alembic, run by `Database.migrate` on the connection it is handed."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from models.message_text import TEXT_INDEX

if TYPE_CHECKING:
    from alembic.config import Config

# The latest revision. Alembic would know it too, but takes 9 MB and has to be imported first.
HEAD = "0008"
# A number for the lock of migrations, which no other program is likely to take.
_LOCK = 7265706172746565


def config() -> "Config":
    """Return Alembic's settings, which stand in pyproject.toml."""
    from alembic.config import Config

    return Config(toml_file=Path(__file__).parents[2] / "pyproject.toml")


def is_declared(name: str | None, kind: str, parents: object) -> bool:
    """Return whether Alembic compares it with the models: all but what keeps the index of texts."""
    return kind not in ("table", "index") or not str(name).startswith(TEXT_INDEX)


def upgrade(connection: Connection, revision: str = HEAD) -> bool:
    """Run what is missing up to the revision; tell whether there was nothing before."""
    _wait_for_others(connection)
    before = revision_of(connection)
    if before != revision:
        from alembic import command

        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
    return before is None


def _wait_for_others(connection: Connection) -> None:
    """Let one process at a time migrate; on SQLite the transaction has the write lock already."""
    if connection.dialect.name == "postgresql":
        # A statement waits no longer than that for a lock of somebody else's transaction; here it may.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
