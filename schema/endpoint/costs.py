"""What an operation may cost: how many values its answer can hold, from the page sizes it asks for.

The document is compiled once into how its lists stand within each other; a request puts its variables in.
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
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_leaf_type,
    is_list_type,
)

# A page where the client asks for no size.
PAGE = 20
PAGES = {"Conversation.messagesConnection": 50}
# The whole history is as much as a page of messages: each with its role and its text.
FIELDS = {"Conversation.chatHistory": 50 * 3}
# How long a list without a size is taken to be.
LENGTHS = {
    "Message.alternatives": 5,
    "Query.models": 5,
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
# Lists with as many entries as the argument has.
PER_ENTRY = {"Query.nodes": "ids"}
# What is hardly ever there, however deep a client asks for it.
_FREE = {"__Type.ofType"}


@dataclass(frozen=True)
class _Argument:
    """A number that decides how long a list is: known, or a variable's."""

    known: int | None
    variable: str | None = None

    def value(self, variables: Mapping[str, Any]) -> int | None:
        given = self.known if self.variable is None else variables.get(self.variable)
        return len(given) if isinstance(given, list) else given if isinstance(given, int) else None


@dataclass
class _Selection:
    values: int = 0
    lists: list["_Nested"] = field(default_factory=list)
    spreads: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Nested:
    """A field with fields of its own. A connection hands its size down to its lists."""

    inner: _Selection
    is_list: bool
    length: int | None
    sizes: tuple[_Argument, ...]

    def asked(self, variables: Mapping[str, Any]) -> int | None:
        given = [size for one in self.sizes if (size := one.value(variables)) is not None]
        return max(0, *given) if given else self.length


class Cost:
    """How many values the answer of one operation can hold."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        root = schema.get_root_type(OperationType(operation.operation))
        assert root
        compiling = _Compiling(schema, fragments)
        self._root = compiling.selection(operation.selection_set, root)
        self._fragments = compiling.done
        self._constant = None if compiling.has_variables else self._count({})

    def of(self, variables: Mapping[str, Any]) -> int:
        return self._count(variables) if self._constant is None else self._constant

    def _count(self, variables: Mapping[str, Any]) -> int:
        counted: dict[tuple[str, int | None], int] = {}

        def count(selection: _Selection, page: int | None) -> int:
            total = selection.values
            for nested in selection.lists:
                asked = nested.asked(variables)
                if nested.is_list:
                    length = asked if asked is not None else page if page is not None else 1
                    total += length * (1 + count(nested.inner, None))
                else:
                    total += 1 + count(nested.inner, asked)
            return total + sum(spread(name, page) for name in selection.spreads)

        def spread(name: str, page: int | None) -> int:
            if (name, page) not in counted:
                counted[name, page] = count(self._fragments[name], page)
            return counted[name, page]

        return count(self._root, None)


class _Compiling:
    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self.done: dict[str, _Selection] = {}
        self.has_variables = False

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
        selection.values += FIELDS.get(coordinate, 1) if is_leaf_type(get_named_type(definition.type)) else 0
        if node.selection_set is None or coordinate in _FREE:
            return
        inner = self.selection(node.selection_set, get_named_type(definition.type))
        is_list = is_list_type(get_nullable_type(definition.type))
        sizes = self._sizes(coordinate, definition, node)
        self.has_variables |= any(size.variable for size in sizes)
        length = LENGTHS.get(coordinate) if is_list else PAGES.get(coordinate, PAGE)
        selection.lists.append(_Nested(inner, is_list, length, sizes))

    def _definition(self, parent: GraphQLNamedType, name: str) -> GraphQLField:
        found = self._schema.get_field(_composite(parent), name)
        assert found
        return found

    def _sizes(self, coordinate: str, definition: GraphQLField, node: FieldNode) -> tuple[_Argument, ...]:
        names = [PER_ENTRY.get(coordinate, name) for name in ("first", "last")]
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        sizes = []
        for name in dict.fromkeys(names):
            if name in given:
                sizes.append(_argument(given[name]))
            elif name in definition.args and definition.args[name].default_value is not Undefined:
                sizes.append(_Argument(definition.args[name].default_value))
        return tuple(sizes)


def _argument(value: ValueNode) -> _Argument:
    match value:
        case VariableNode(name=name):
            return _Argument(None, name.value)
        case IntValueNode():
            return _Argument(int(value.value))
        case ListValueNode(values=values):
            return _Argument(len(values))
    return _Argument(None)


def _composite(parent: GraphQLNamedType) -> GraphQLCompositeType:
    assert is_composite_type(parent)
    return parent
