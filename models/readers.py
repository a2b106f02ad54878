"""What executes the statements of plain reads, whose values the database has written."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

# The text, and its parameters by their names or their places.
Statement = tuple[str, Mapping[str, Any] | Sequence[Any]]


class TooDeep(Exception):
    """A statement has more levels than the database bears."""


class ReaderAway(Exception):
    """The database could not be reached. A session finds out whether it still cannot be."""


class Reader(Protocol):
    """`dialect`: the name of the SQL that it understands. `reads_rows`: whether `rows` may be asked."""

    dialect: str
    reads_rows: bool

    def define(self, name: str, function: Callable[..., Any], arguments: int) -> None:
        """Lets statements call a function, which must give the same value for the same arguments."""

    async def values(self, statements: Sequence[Statement]) -> list[Any]:
        """Returns the values of the first row of each statement, one after the other.

        All see one state of the data. SQLite takes statements of one value, PostgreSQL a statement of many.
        Raises TooDeep, ReadTooLarge and ReaderAway.
        """
        ...

    async def rows(self, statements: Sequence[Statement]) -> list[list[Any]] | None:
        """Returns the rows of each statement, all of one state of the data; None where only a session can."""
        ...

    async def close(self) -> None:
        """Comes before the engine is disposed of."""
