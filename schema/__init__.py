"""The GraphQL contract: types, inputs, payloads, and which resolver fills each field."""

import strawberry

from schema import (
    descriptions,
    enums,  # noqa: F401 (registers the enums before the types use them)
)
from schema.errors import ERRORS
from schema.mutation import Mutation
from schema.query import Query
from schema.reply import EVENTS
from schema.scalars import CONFIG
from schema.subscription import Subscription

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[*EVENTS, *ERRORS],
    config=CONFIG,
)
# Strawberry has no parameter for it.
schema._schema.description = descriptions.SCHEMA


def sdl() -> str:
    """Return the contract as text, with its description, which Strawberry does not print."""
    definition = "schema {\n  query: Query\n  mutation: Mutation\n  subscription: Subscription\n}"
    return f'"""\n{descriptions.SCHEMA}\n"""\n{definition}\n\n{schema.as_str()}'
