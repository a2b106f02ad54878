"""Event writers: make the answer to a subscription's event in a microsecond, where graphql-core takes sixty.

A writer is made once for an operation that selects nothing but attributes of its events. For all else, and for a
value that does not fit its type, graphql-core makes the answer, and defines what is right.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, cast

import orjson
from graphql import (
    Executor,
    GraphQLAbstractType,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
    Visitor,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_non_null_type,
    is_object_type,
    visit,
)
from graphql.execution.collect_fields import FieldDetailsList, collect_fields
from strawberry.types.field import StrawberryField

from schema.binding import DEFINITION

Read = Callable[[Any], Any]

# Integers below this, and above its negative, are a GraphQL Int.
_INT = 1 << 31


class NotWritable(Exception):
    """A selection of more than attributes, or a value that its type does not allow."""


class EventWriter:
    """Writes the `data` of the answers, which the event keeps in its `answers` for others who watch it."""

    def __init__(self, executor: Executor[Any]) -> None:
        """Raises NotWritable."""
        _refuse_directives(executor)
        root = cast(GraphQLObjectType, executor.schema.subscription_type)
        selected = collect_fields(
            executor.schema, executor.fragments, executor.variable_values, root, executor.operation
        ).grouped_field_set
        [(key, details)] = selected.items()
        self._prefix = b"{" + orjson.dumps(key) + b":"
        self._read = _value(executor, root.fields[details[0].node.name.value].type, details)

    def data(self, event: Any) -> bytes:
        """Return the JSON of `data`, made once for all who watch the event. Raises NotWritable."""
        answers: dict[object, bytes] = event.answers
        data = answers.get(self)
        if data is None:
            try:
                data = answers[self] = self._prefix + orjson.dumps(self._read(event)) + b"}"
            except TypeError as error:
                raise NotWritable from error
        return data


def event_writer(executor: Executor[Any]) -> EventWriter | None:
    try:
        return EventWriter(executor)
    except NotWritable:
        return None


def _refuse_directives(executor: Executor[Any]) -> None:
    class Refusal(Visitor):
        def enter_directive(self, *_: Any) -> None:
            raise NotWritable

    for definition in (executor.operation, *(one.definition for one in executor.fragments.values())):
        visit(definition.selection_set, Refusal())


def _value(executor: Executor[Any], output: GraphQLOutputType, details: FieldDetailsList) -> Read:
    """Return what makes a value for JSON of a value of the type."""
    inner = get_nullable_type(output)
    if is_leaf_type(inner):
        convert = _leaf(inner)
    elif is_object_type(inner):
        convert = _object(executor, inner, details)
    elif is_abstract_type(inner):
        convert = _abstract(executor, inner, details)
    else:
        raise NotWritable

    def read(value: Any) -> Any:
        if value is not None:
            return convert(value)
        if is_required:
            raise NotWritable
        return None

    is_required = is_non_null_type(output)
    return read


def _leaf(leaf: GraphQLLeafType) -> Read:
    def convert(value: Any) -> Any:
        # Most numbers are small, and those are what they have to be.
        if leaf is GraphQLInt and type(value) is int and abs(value) < _INT:
            return value
        try:
            coerced = leaf.coerce_output_value(value)
        except Exception as error:
            raise NotWritable from error
        if coerced is None or coerced is Undefined:
            raise NotWritable
        return coerced

    return convert


def _object(executor: Executor[Any], kind: GraphQLObjectType, details: FieldDetailsList) -> Read:
    selected = executor.collect_subfields(kind, details).grouped_field_set
    fields = [(key, _field(executor, kind, one)) for key, one in selected.items()]
    return lambda value: {key: read(value) for key, read in fields}


def _field(executor: Executor[Any], kind: GraphQLObjectType, details: FieldDetailsList) -> Read:
    name = details[0].node.name.value
    if name == "__typename":
        return lambda _: kind.name
    field = kind.fields[name]
    definition = field.extensions.get(DEFINITION)
    if not isinstance(definition, StrawberryField) or not definition.is_basic_field:
        raise NotWritable
    get, convert = attrgetter(definition.python_name), _value(executor, field.type, details)
    if get_nullable_type(field.type) not in (GraphQLString, GraphQLID):
        return lambda source: convert(get(source))

    def read(source: Any) -> Any:
        value = get(source)
        # Most values are texts, and these are what they have to be.
        return value if type(value) is str else convert(value)

    return read


def _abstract(executor: Executor[Any], abstract: GraphQLAbstractType, details: FieldDetailsList) -> Read:
    types = executor.schema.get_possible_types(abstract)
    # Of its arguments, a test of ours looks only at the value.
    info: Any = None
    readers = [(one.is_type_of, _object(executor, one, details)) for one in types]
    by_class: dict[type, Read] = {}

    def convert(value: Any) -> Any:
        read = by_class.get(type(value))
        if read is None:
            read = next((one for is_type_of, one in readers if is_type_of and is_type_of(value, info)), None)
            if read is None:
                raise NotWritable
            by_class[type(value)] = read
        return read(value)

    return convert
