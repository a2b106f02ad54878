"""Constants of our own in statements: texts, numbers, and what stands for a value that rows must give."""

import secrets

from sqlalchemy import ColumnElement, Integer, String, literal_column


def text(constant: str) -> ColumnElement[str]:
    """Returns a literal text: of our own, or a name that GraphQL allows."""
    assert "'" not in constant
    return literal_column(f"'{constant}'", String)


def number(constant: int) -> ColumnElement[int]:
    return literal_column(str(constant), Integer)


def quoted(value: ColumnElement[str]) -> ColumnElement[str]:
    """Returns a text that needs no escapes in quotation marks; NULL stays NULL."""
    return text('"').op("||")(value).op("||")(text('"'))


# Random, so that nobody can write a message that contains it.
REREAD = f"reread-{secrets.token_hex(12)}"
REREAD_JSON = text(f'"{REREAD}"')
# Stands for JSON that is longer than the database may write.
TOO_LARGE = f"{REREAD}-too-large"
TOO_LARGE_JSON = text(f'"{TOO_LARGE}"')
