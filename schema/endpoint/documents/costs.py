"""Query cost: how many values the result of an operation can have, by the page sizes it requests.

A leaf is a value and so is an object; a list of leaves is one. What takes longer than its values costs more.

An operation is compiled once into its nested lists; each request then computes the cost from its variables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_leaf_type,
    is_list_type,
)

from schema.binding import DEFINITION
from schema.prices import Price, price_of

# The page of a connection without `first` and `last`, unless its price says another one.
DEFAULT_PAGE_SIZE = 20
# What a field costs in addition if a coroutine resolves it, and each object of a list: the time of so many values.
ASYNC_FIELD = 5
LISTED_OBJECT = 1
# The assumed lengths of the lists of introspection; all other lists have their prices beside them.
INTROSPECTION_LENGTHS = {
    "__Schema.types": 100,
    "__Schema.directives": 8,
    "__Directive.args": 1,
    "__Type.fields": 6,
    "__Type.interfaces": 1,
    "__Type.possibleTypes": 1,
    "__Type.enumValues": 2,
    "__Type.inputFields": 3,
    "__Field.args": 1,
}


@dataclass(frozen=True)
class _Argument:
    """An argument that sets the length of a list: a variable, or a number known from document or schema."""

    known: int | None
    variable: str | None = None

    def value(self, variables: Mapping[str, Any]) -> int | None:
        value = variables.get(self.variable) if self.variable is not None else None
        return len(value) if isinstance(value, list) else value if isinstance(value, int) else self.known


@dataclass
class _Selection:
    values: int = 0
    lists: list["_Nested"] = field(default_factory=list)
    spreads: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Nested:
    """A field with a selection. The size of a connection applies to the lists in it."""

    inner: _Selection
    is_list: bool
    length: int | None
    sizes: tuple[_Argument, ...]
    each: int = 1

    def requested_size(self, variables: Mapping[str, Any]) -> int | None:
        given = [size for one in self.sizes if (size := one.value(variables)) is not None]
        return max(0, *given) if given else self.length


class Cost:
    """How many values the result of one operation can have."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        root = schema.get_root_type(OperationType(operation.operation))
        assert root
        compiler = _Compiler(schema, fragments)
        self._root = compiler.selection(operation.selection_set, root)
        self._fragments = compiler.done
        # Whether a request for it may be as long as a chat history.
        self.takes_history = compiler.takes_history
        self._constant = None if compiler.has_variables else self._count({})

    def of(self, variables: Mapping[str, Any]) -> int:
        return self._count(variables) if self._constant is None else self._constant

    def _count(self, variables: Mapping[str, Any]) -> int:
        counted: dict[tuple[str, int | None], int] = {}

        def count(selection: _Selection, page: int | None) -> int:
            total = selection.values
            for nested in selection.lists:
                size = nested.requested_size(variables)
                if nested.is_list:
                    length = size if size is not None else page if page is not None else 1
                    total += length * (nested.each + count(nested.inner, None))
                else:
                    total += 1 + count(nested.inner, size)
            return total + sum(spread(name, page) for name in selection.spreads)

        def spread(name: str, page: int | None) -> int:
            if (name, page) not in counted:
                counted[name, page] = count(self._fragments[name], page)
            return counted[name, page]

        return count(self._root, None)


class _Compiler:
    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self.done: dict[str, _Selection] = {}
        self.has_variables = False
        self.takes_history = False

    def selection(self, node: SelectionSetNode, parent: GraphQLNamedType) -> _Selection:
        selection = _Selection()
        self._add(selection, node, parent)
        return selection

    def _add(self, selection: _Selection, node: SelectionSetNode, parent: GraphQLNamedType) -> None:
        for one in node.selections:
            match one:
                case FieldNode():
                    self._add_field(selection, one, parent)
                case FragmentSpreadNode():
                    selection.spreads.append(one.name.value)
                    self._add_fragment(one.name.value)
                case InlineFragmentNode(type_condition=condition):
                    inner = self._schema.type_map[condition.name.value] if condition else parent
                    self._add(selection, one.selection_set, inner)

    def _add_fragment(self, name: str) -> None:
        if name not in self.done:
            self.done[name] = _Selection()
            fragment = self._fragments[name]
            self._add(
                self.done[name], fragment.selection_set, self._schema.type_map[fragment.type_condition.name.value]
            )

    def _add_field(self, selection: _Selection, node: FieldNode, parent: GraphQLNamedType) -> None:
        coordinate = f"{parent.name}.{node.name.value}"
        definition = self._definition(parent, node.name.value)
        selection.values += is_leaf_type(get_named_type(definition.type)) + _extra(definition)
        if node.selection_set is None:
            return
        inner, price = self.selection(node.selection_set, get_named_type(definition.type)), price_of(definition)
        self.takes_history |= price.takes_history
        is_list = is_list_type(get_nullable_type(definition.type))
        sizes = _sizes(price, definition, node)
        self.has_variables |= any(size.variable for size in sizes)
        assumed = INTROSPECTION_LENGTHS.get(coordinate) if is_list else DEFAULT_PAGE_SIZE
        length = assumed if price.length is None else price.length
        # Introspection reads no rows.
        each = 1 if coordinate in INTROSPECTION_LENGTHS else 1 + LISTED_OBJECT
        selection.lists.append(_Nested(inner, is_list, length, sizes, each))

    def _definition(self, parent: GraphQLNamedType, name: str) -> GraphQLField:
        found = self._schema.get_field(_composite(parent), name)
        assert found
        return found


def _extra(definition: GraphQLField) -> int:
    declared = definition.extensions.get(DEFINITION)
    return ASYNC_FIELD if declared is not None and declared.is_async else 0


def _sizes(price: Price, definition: GraphQLField, node: FieldNode) -> tuple[_Argument, ...]:
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    sizes = []
    for name in (price.sized_by,) if price.sized_by else ("first", "last"):
        default = definition.args[name].default_value if name in definition.args else None
        known = default if isinstance(default, int) else None
        if name in given:
            sizes.append(_argument(given[name], known))
        elif known is not None:
            sizes.append(_Argument(known))
    return tuple(sizes)


def _argument(value: ValueNode, default: int | None) -> _Argument:
    match value:
        case VariableNode(name=name):
            return _Argument(default, name.value)
        case IntValueNode():
            return _Argument(int(value.value))
        case ListValueNode(values=values):
            return _Argument(len(values))
    return _Argument(None)


def _composite(parent: GraphQLNamedType) -> GraphQLCompositeType:
    assert is_composite_type(parent)
    return parent
