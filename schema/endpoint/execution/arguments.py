"""Arguments of fields as values, or as variables whose values come with each request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    Visitor,
    coerce_input_value,
    get_named_type,
    get_variable_values,
    is_leaf_type,
    is_non_null_type,
    type_from_ast,
    value_from_ast,
    visit,
)
from graphql.execution.values import VariableValues

from schema.binding import DEFINITION
from services.reads.projections import NotPlain


@dataclass(frozen=True)
class Variable:
    """An argument whose value a variable gives."""

    name: str
    default: Any
    required: bool

    def value(self, variables: Mapping[str, Any]) -> Any:
        value = variables.get(self.name, self.default)
        if value is Undefined:
            value = None
        if value is None and self.required:
            raise NotPlain
        return value


Given = Mapping[str, Any]


class Variables:
    """The variables of an operation, coerced as graphql-core does, with their types looked up only once."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._types = {one.variable.name.value: type_from_ast(schema, one.type) for one in self._definitions}
        self._are_leaves = all(is_leaf_type(get_named_type(kind)) for kind in self._types.values())

    def coerced(self, given: dict[str, Any]) -> dict[str, Any] | list[GraphQLError]:
        values = {name: self._value(name, kind, given) for name, kind in self._types.items()}
        if Undefined not in values.values():
            return values
        checked = self.checked(given)
        return checked if isinstance(checked, list) else checked.coerced

    def checked(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        return get_variable_values(self._schema, self._definitions, given)

    def _value(self, name: str, kind: Any, given: dict[str, Any]) -> Any:
        """Return Undefined for what only graphql-core knows: defaults, errors, and inputs with fields."""
        return coerce_input_value(given[name], kind) if self._are_leaves and name in given else Undefined


def flags_of(document: DocumentNode) -> list[str]:
    """Return the names of the variables that @skip and @include have."""
    found: dict[str, None] = {}

    class Finder(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            values = [argument.value for argument in node.arguments or ()]
            found.update((value.name.value, None) for value in values if isinstance(value, VariableNode))

    visit(document, Finder())
    return list(found)


def arguments_of(definition: GraphQLField, node: FieldNode) -> Given:
    """Return the arguments by the names that resolvers have for them."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    return {
        argument.extensions[DEFINITION].python_name: _argument(argument, given.get(name))
        for name, argument in definition.args.items()
    }


def _argument(argument: GraphQLArgument, given: ValueNode | None) -> Any:
    default = None if argument.default_value is Undefined else argument.default_value
    if given is None:
        return default
    if isinstance(given, VariableNode):
        return Variable(given.name.value, default, is_non_null_type(argument.type))
    value = value_from_ast(given, argument.type)
    if value is Undefined:
        raise NotPlain
    return value


def values_of(given: Given, variables: Mapping[str, Any]) -> Given:
    return {
        name: value.value(variables) if isinstance(value, Variable) else value for name, value in given.items()
    }
