"""Projections: what is wanted of a row, and of the rows that belong to it. Values without SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from models.base import Record

if TYPE_CHECKING:
    from services.reads.relations import Relation

Arguments = Mapping[str, Any]


class NotPlain(Exception):
    """This can only be read by rows."""


@dataclass(frozen=True)
class Constant:
    """A text that is the same for each row."""

    text: str


@dataclass(frozen=True)
class Column:
    """The value of an attribute of the row."""

    attribute: str


@dataclass(frozen=True)
class Inside:
    """Parts of a record that the row keeps in one attribute."""

    attribute: str
    parts: "Parts"


@dataclass(frozen=True)
class Nested:
    """What a relation gives. `place` is where its arguments stand among those of the read.

    `selection` is what is wanted of its rows; None where the relation gives a value.
    """

    relation: "Relation"
    place: int
    selection: "Projection | Connection | None"
    required: bool


@dataclass(frozen=True)
class Edges:
    parts: "Parts"


@dataclass(frozen=True)
class EdgeCursor:
    """The cursor of a row in its list."""


@dataclass(frozen=True)
class Nodes:
    """The rows of a page; in an edge, the one row."""

    projection: "Projection"


@dataclass(frozen=True)
class PageInfo:
    parts: "Parts"


@dataclass(frozen=True)
class PageFact:
    """One of has_next_page, has_previous_page, start_cursor and end_cursor."""

    name: str


@dataclass(frozen=True)
class TotalCount:
    """How many rows the whole list has."""


Part = Constant | Column | Inside | Nested | Edges | EdgeCursor | Nodes | PageInfo | PageFact | TotalCount
# The parts of an object with the names that they get in the answer, in its order.
Parts = tuple[tuple[str, Part], ...]


@dataclass(frozen=True)
class Projection:
    """What is wanted of each row of `model`."""

    model: type[Any]
    parts: Parts

    @property
    def attributes(self) -> list[str]:
        """The attributes of the row that are wanted themselves."""
        return [part.attribute for _, part in self.parts if isinstance(part, Column | Inside)]

    @property
    def nested(self) -> list[Nested]:
        return [part for _, part in self.parts if isinstance(part, Nested)]


@dataclass(frozen=True)
class Connection:
    """What is wanted of a page: of its rows, its edges and its place in the list."""

    parts: Parts

    @property
    def projections(self) -> list[Projection]:
        """What is wanted of the rows of the page, in each of its parts."""
        parts = [part for _, part in self.parts]
        parts += [inner for part in parts if isinstance(part, Edges) for _, inner in part.parts]
        return [part.projection for part in parts if isinstance(part, Nodes)]


def column(model: type[Any], attribute: str) -> Column:
    """Raises NotPlain for an attribute that is no column."""
    if attribute not in model.__mapper__.columns:
        raise NotPlain
    return Column(attribute)


def inside(model: type[Any], attribute: str, parts: Parts) -> Inside:
    """Raises NotPlain for an attribute that is no record, and for what the record does not store."""
    kind = model.__mapper__.columns[attribute].type if attribute in model.__mapper__.columns else None
    if not isinstance(kind, Record):
        raise NotPlain
    stored = {one.name for one in fields(kind.kind)}
    if any(isinstance(part, Column) and part.attribute not in stored for _, part in parts):
        raise NotPlain
    return Inside(attribute, parts)
