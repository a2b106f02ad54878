"""schema/schema.graphql is the schema as clients see it."""

from pathlib import Path

from schema import schema

SNAPSHOT = Path(__file__).parents[2] / "schema" / "schema.graphql"


def test_the_snapshot_is_the_schema() -> None:
    """After a wanted change: `python app.py export-schema > schema/schema.graphql`."""
    assert SNAPSHOT.read_text() == schema.as_str() + "\n"
