"""What the house uses of Strawberry and graphql-core without their documentation: all of it is listed here.

A failure after an upgrade names what has changed, and the module that has to follow.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from graphql import Executor, GraphQLSchema, parse, validate
from graphql.execution.collect_fields import collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.annotation import StrawberryAnnotation
from strawberry.execution import optimized_is_awaitable
from strawberry.http.websocket_origin import is_same_origin, normalize_allowed_origins, normalize_origin
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

import models
from schema import schema
from schema.binding import DEFINITION
from schema.endpoint.execution import operations
from schema.message import Message


def _executor() -> Any:
    return schema.execution_context_class.build(
        schema._schema,
        parse("{ __typename }"),
        is_awaitable=optimized_is_awaitable,
        operation_extensions=None,
    )


def _validation_with_a_budget() -> bool:
    """Whether the module's attribute is read for each validation, and ends it with the words that we replace."""
    fields = "... on Message { id content } " * 20
    document = parse(f"{{ message(id: 1) {{ {fields} }} }}")
    before = overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET
    overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 10
    try:
        return [one.message for one in validate(schema._schema, document)] == ["Validation aborted."]
    finally:
        overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = before


def _names() -> Iterator[tuple[str, Any]]:
    """Each name with the module that uses it, and whether it is as that module needs it."""
    message: Any = schema._schema.type_map["Message"]
    field = message.fields["parent"].extensions[DEFINITION]
    yield "Schema._schema (operations, costs, json_plans)", isinstance(schema._schema, GraphQLSchema)
    yield "Schema.extensions (operations)", list(schema.extensions) == []
    yield (
        "Schema.execution_context_class and its operation_extensions (operations)",
        isinstance(_executor(), Executor),
    )
    yield "strawberry.execution.optimized_is_awaitable (operations)", not optimized_is_awaitable(1)
    yield (
        "MAX_COMPLEXITY_BUDGET of the rule of overlapping fields (operations)",
        overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET == operations.MAX_COMPLEXITY
        and _validation_with_a_budget(),
    )
    yield (
        "GraphQLField.extensions['strawberry-definition'] (costs, json_plans)",
        isinstance(field, StrawberryField),
    )
    yield "StrawberryField.metadata and is_async (costs)", isinstance(field.metadata, Mapping) and field.is_async
    yield (
        "StrawberryField.base_resolver.wrapped_func and arguments (binding, resolvers.reads)",
        field.base_resolver.wrapped_func.__name__ == "parent" and list(field.base_resolver.arguments) == [],
    )
    yield (
        "StrawberryArgument with a StrawberryAnnotation (binding)",
        StrawberryArgument("input", None, StrawberryAnnotation(int)).python_name == "input",
    )
    definition: Any = get_object_definition(Message)
    yield "get_object_definition(…).fields (binding)", "content" in {one.python_name for one in definition.fields}
    yield "is_type_of, assigned to a type (binding)", definition.is_type_of(models.Message(), None)
    enum: Any = models.Role
    yield "__strawberry_definition__ of an enum (binding)", enum.__strawberry_definition__.values[0].description
    yield "to_camel_case (binding)", to_camel_case("a_word") == "aWord"
    yield "GraphQLCoreConverter (schema)", GraphQLCoreConverter
    yield (
        "strawberry.http.websocket_origin (browsers)",
        callable(is_same_origin) and callable(normalize_origin) and callable(normalize_allowed_origins),
    )
    yield (
        "graphql.execution.collect_fields (json_plans, event_writers)",
        callable(collect_fields) and callable(collect_subfields),
    )
    yield "graphql.execution.values.VariableValues (json_plans, arguments)", VariableValues


@pytest.mark.parametrize(("name", "is_as_used"), [pytest.param(*one, id=one[0]) for one in _names()])
def test_what_is_used_without_documentation_is_as_its_user_needs_it(name: str, is_as_used: Any) -> None:
    assert is_as_used, f"{name} has changed: mend its user before you upgrade."
