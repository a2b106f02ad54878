"""Prices of fields, declared beside them: what their type does not tell about how much an answer can hold.

`schema.endpoint.documents.costs` adds them up to the cost of an operation.
"""

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField

from schema.binding import DEFINITION

# The key of a price in the metadata of a strawberry field.
_KEY = "price"


@dataclass(frozen=True)
class Price:
    """`length` is that of a list without `first` and `last`, or of a connection's page without them.

    A list has an item for each item of the argument `sized_by`, if that is given. `takes_history`: its input may
    be as long as a chat history is.
    """

    length: int | None = None
    sized_by: str | None = None
    takes_history: bool = False


def priced(field: Any, **price: Any) -> Any:
    """Give a strawberry field a Price of these values."""
    field.metadata = {**field.metadata, _KEY: Price(**price)}
    return field


def price_of(field: GraphQLField) -> Price:
    declared = field.extensions.get(DEFINITION)
    price: Price = _PLAIN if declared is None else declared.metadata.get(_KEY, _PLAIN)
    return price


_PLAIN = Price()
