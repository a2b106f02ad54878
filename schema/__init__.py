"""The GraphQL contract: types, inputs, payloads, and which resolver fills each field."""

import strawberry

from schema import enums  # noqa: F401 (registers the enums before the types use them)
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
