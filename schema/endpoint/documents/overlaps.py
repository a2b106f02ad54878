"""Validation rule "fields in set can merge" (overlapping fields), in linear time.

The algorithm of the specification compares every field with every other. Equality is transitive, so it is enough
to compare each field with the first. Fields are collected level by level: all fields with the same place in the
result, from all selections and fragments, are compared together and only once.
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

# Fields compared in one document, counted again wherever a fragment is used at another place of the result.
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
    """Replaces OverlappingFieldsCanBeMergedRule of graphql-core, with the same verdicts."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._steps = 0
        self._seen: set[frozenset[tuple[int, str]]] = set()
        self._seen_by_parent: set[frozenset[tuple[int, str]]] = set()

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        # Fragments are checked where they are used; another rule rejects unused fragments.
        try:
            fields = self._collect([(node.selection_set, get_named_type(self.context.get_type()))])
            self._check_shapes(fields)
            self._check_fields(fields)
        except _Conflict as conflict:
            first, second, reason = conflict.first, conflict.second, conflict.reason
            message = (
                f"Fields '{first.name}' conflict because {reason}."
                " Use different aliases on the fields to fetch both if this was intentional."
            )
            self.report_error(GraphQLError(message, [first.node, second.node]))
        except _TooComplex:
            self.report_error(
                GraphQLError(
                    f"The document is too complex: its fragments expand to more than {MAX_STEPS:,} fields."
                )
            )

    def _check_shapes(self, fields: list[_Field]) -> None:
        """Check that fields with the same place in the result have the same shape, whatever their parents are."""
        pending = [fields]
        while pending:
            fields = pending.pop()
            if _already_seen(fields, self._seen):
                continue
            for group in _by_name(fields):
                for other in group[1:]:
                    if group[0].definition and other.definition:
                        reason = _type_conflict(group[0].definition.type, other.definition.type)
                        if reason:
                            raise _Conflict(group[0], other, reason)
                if subfields := self._subfields(group):
                    pending.append(subfields)

    def _check_fields(self, fields: list[_Field]) -> None:
        """Check that fields whose parents can be the same object are the same field with the same arguments."""
        pending = [fields]
        while pending:
            fields = pending.pop()
            if _already_seen(fields, self._seen_by_parent):
                continue
            for named in _by_name(fields):
                for group in _by_parent(named):
                    for other in group[1:]:
                        if reason := _field_conflict(group[0].node, other.node):
                            raise _Conflict(group[0], other, reason)
                    if subfields := self._subfields(group):
                        pending.append(subfields)

    def _subfields(self, group: list[_Field]) -> list[_Field]:
        return self._collect(
            [(one.node.selection_set, one.named_type) for one in group if one.node.selection_set is not None]
        )

    def _collect(self, starts: list[tuple[SelectionSetNode, GraphQLNamedType | None]]) -> list[_Field]:
        """Return all fields of these selections with their fragments expanded, each fragment once."""
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
            raise _TooComplex

    def _definition(self, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
        # Like graphql-core and graphql-js, this has no definition for __typename.
        return getattr(parent, "fields", {}).get(name)


class _TooComplex(Exception):
    pass


class _Conflict(Exception):
    def __init__(self, first: _Field, second: _Field, reason: str) -> None:
        super().__init__(reason)
        self.first, self.second, self.reason = first, second, reason


def _already_seen(fields: list[_Field], seen: set[frozenset[tuple[int, str]]]) -> bool:
    """Return whether exactly these fields were compared before, at another place of the result."""
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
    """Group fields that can belong to one object: those of an object type with those of interfaces and unions."""
    abstract = [one for one in fields if not isinstance(one.parent, GraphQLObjectType)]
    concrete: dict[str, list[_Field]] = {}
    for one in fields:
        if isinstance(one.parent, GraphQLObjectType):
            concrete.setdefault(one.parent.name, []).append(one)
    return [abstract + group for group in concrete.values()] or [abstract]


def _type_conflict(first: GraphQLOutputType, second: GraphQLOutputType) -> str | None:
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


def _field_conflict(first: FieldNode, second: FieldNode) -> str | None:
    if first.name.value != second.name.value:
        return f"'{first.name.value}' and '{second.name.value}' are different fields"
    if _arguments(first) != _arguments(second):
        return "they have differing arguments"
    return None


def _arguments(node: FieldNode) -> dict[str, str]:
    return {argument.name.value: print_ast(sort_value_node(argument.value)) for argument in node.arguments or ()}
