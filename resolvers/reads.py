"""Plain reads: fields that the database can write by itself say here what they are in SQL."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from strawberry.types.fields.resolver import StrawberryResolver

from resolvers.context import Context
from services.reads.projections import Arguments
from services.reads.relations import AnyById, Relation
from services.reads.service import Read

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__plain_read__"


def reads(relation: Relation | AnyById) -> Callable[[F], F]:
    """Says that the resolver's field has the value of a relation; the resolver still defines what is right."""

    def mark(resolver: F) -> F:
        setattr(resolver, _ATTRIBUTE, relation)
        return resolver

    return mark


def relation_of(resolver: StrawberryResolver[Any]) -> Relation | AnyById | None:
    return getattr(resolver.wrapped_func, _ATTRIBUTE, None)


async def plain(context: Context, reads: Sequence[tuple[Read, Sequence[Arguments]]]) -> list[bytes] | None:
    """Returns the JSON of each read for the operation's owner; None where the resolvers must answer."""
    return await context.services.reads.json(context.owner, reads)
