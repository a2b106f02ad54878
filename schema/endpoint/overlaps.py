"""Whether fields with the same place in the answer can be one field, in linear time.

The rule of the specification compares every field with every other. Being the same is transitive, so it is enough
to compare each with the first. Fields are gathered level by level: all that have one place in the answer, from
whichever selections and fragments, are looked at together, once.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    print_ast,
)
from graphql.utilities.sort_value_node import sort_value_node

# Fields looked at in one document, counted again wherever a fragment is used at another place of the answer.
MAX_STEPS = 20_000


class _Field(NamedTuple):
    node: FieldNode
    parent: GraphQLNamedType | None
    definition: GraphQLField | None

    @property
    def name(self) -> str:
        return self.node.alias.value if self.node.alias else self.node.name.value

    @property
    def named_type(self) -> GraphQLNamedType | None:
        return get_named_type(self.definition.type) if self.definition else None


class FieldsCanBeMerged(ValidationRule):
    """Takes the place of graphql-core's OverlappingFieldsCanBeMergedRule, and agrees with it."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._steps = 0
        self._seen: set[frozenset[tuple[int, str]]] = set()
        self._seen_apart: set[frozenset[tuple[int, str]]] = set()

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        # Fragments are looked at where they are used; one that is not used is wrong anyway.
        try:
            fields = self._gathered([(node.selection_set, get_named_type(self.context.get_type()))])
            self._same_shapes(fields)
            self._same_fields(fields)
        except _Conflict as conflict:
            first, second, reason = conflict.first, conflict.second, conflict.reason
            message = (
                f"Fields '{first.name}' conflict because {reason}."
                " Use different aliases on the fields to fetch both if this was intentional."
            )
            self.report_error(GraphQLError(message, [first.node, second.node]))
        except _TooMany:
            self.report_error(GraphQLError("The fragments of the document are used too often within each other."))

    def _same_shapes(self, fields: list[_Field]) -> None:
        """Whatever their parents are: what stands at one place of the answer has one shape."""
        pending = [fields]
        while pending:
            fields = pending.pop()
            if _known(fields, self._seen):
                continue
            for group in _by_name(fields):
                for other in group[1:]:
                    if group[0].definition and other.definition:
                        reason = _different(group[0].definition.type, other.definition.type)
                        if reason:
                            raise _Conflict(group[0], other, reason)
                if below := self._below(group):
                    pending.append(below)

    def _same_fields(self, fields: list[_Field]) -> None:
        """Fields whose parents can be the same object are the same field with the same arguments."""
        pending = [fields]
        while pending:
            fields = pending.pop()
            if _known(fields, self._seen_apart):
                continue
            for named in _by_name(fields):
                for group in _by_parent(named):
                    for other in group[1:]:
                        if reason := _unlike(group[0].node, other.node):
                            raise _Conflict(group[0], other, reason)
                    if below := self._below(group):
                        pending.append(below)

    def _below(self, group: list[_Field]) -> list[_Field]:
        return self._gathered(
            [(one.node.selection_set, one.named_type) for one in group if one.node.selection_set is not None]
        )

    def _gathered(self, starts: list[tuple[SelectionSetNode, GraphQLNamedType | None]]) -> list[_Field]:
        """Return all fields of these selections, fragments written out, each fragment once."""
        fields: list[_Field] = []
        used: set[str] = set()
        pending = starts[::-1]
        while pending:
            selections, parent = pending.pop()
            for node in selections.selections:
                self._count()
                match node:
                    case FieldNode():
                        fields.append(_Field(node, parent, self._definition(parent, node.name.value)))
                    case InlineFragmentNode(type_condition=condition):
                        inner = self.context.schema.get_type(condition.name.value) if condition else parent
                        pending.append((node.selection_set, inner))
                    case FragmentSpreadNode(name=name) if name.value not in used:
                        used.add(name.value)
                        if fragment := self.context.get_fragment(name.value):
                            condition = fragment.type_condition
                            pending.append(
                                (fragment.selection_set, self.context.schema.get_type(condition.name.value))
                            )
        return fields

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _TooMany

    def _definition(self, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
        # Like graphql-core, and graphql-js before it, this asks no type of __typename.
        return getattr(parent, "fields", {}).get(name)


class _TooMany(Exception):
    pass


class _Conflict(Exception):
    def __init__(self, first: _Field, second: _Field, reason: str) -> None:
        super().__init__(reason)
        self.first, self.second, self.reason = first, second, reason


def _known(fields: list[_Field], seen: set[frozenset[tuple[int, str]]]) -> bool:
    """Tell whether just these fields were looked at before, at another place of the answer."""
    key = frozenset((id(one.node), one.parent.name if one.parent else "") for one in fields)
    if key in seen:
        return True
    seen.add(key)
    return False


def _by_name(fields: Iterable[_Field]) -> Iterable[list[_Field]]:
    groups: dict[str, list[_Field]] = {}
    for one in fields:
        groups.setdefault(one.name, []).append(one)
    return groups.values()


def _by_parent(fields: list[_Field]) -> list[list[_Field]]:
    """Group what can belong to the same object: an object type's own with those of interfaces and unions."""
    abstract = [one for one in fields if not isinstance(one.parent, GraphQLObjectType)]
    concrete: dict[str, list[_Field]] = {}
    for one in fields:
        if isinstance(one.parent, GraphQLObjectType):
            concrete.setdefault(one.parent.name, []).append(one)
    return [abstract + group for group in concrete.values()] or [abstract]


def _different(first: GraphQLOutputType, second: GraphQLOutputType) -> str | None:
    one: Any = first
    other: Any = second
    while True:
        if is_non_null_type(one) != is_non_null_type(other) or is_list_type(one) != is_list_type(other):
            return f"they return conflicting types '{first}' and '{second}'"
        if not (is_non_null_type(one) or is_list_type(one)):
            break
        one, other = one.of_type, other.of_type
    if (is_leaf_type(one) or is_leaf_type(other)) and one is not other:
        return f"they return conflicting types '{first}' and '{second}'"
    return None


def _unlike(first: FieldNode, second: FieldNode) -> str | None:
    if first.name.value != second.name.value:
        return f"'{first.name.value}' and '{second.name.value}' are different fields"
    if _arguments(first) != _arguments(second):
        return "they have differing arguments"
    return None


def _arguments(node: FieldNode) -> dict[str, str]:
    return {argument.name.value: print_ast(sort_value_node(argument.value)) for argument in node.arguments or ()}
