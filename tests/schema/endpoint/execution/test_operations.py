"""What Operations does before it executes anything."""

import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from resolvers.context import Context
from schema.endpoint.documents.limits import Limits
from schema.endpoint.documents.trusted import Documents
from schema.endpoint.execution.operations import Operations
from services import Services


class Tracing(SchemaExtension):
    pass


def test_a_schema_with_extensions_is_refused(services: Services) -> None:
    """They would be ignored, and what they were added for would be missed only later."""

    @strawberry.type
    class Query:
        hello: str = "Hello"

    limits, documents = Limits.of(services.settings), Documents({}, only_trusted=False)
    Operations(strawberry.Schema(Query), limits, documents, lambda caller: Context(services, caller))
    with pytest.raises(TypeError, match="executes no schema extensions"):
        Operations(
            strawberry.Schema(Query, extensions=[Tracing]),
            limits,
            documents,
            lambda caller: Context(services, caller),
        )
