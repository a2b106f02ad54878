"""Plans of queries that are made only of plain reads: the database writes their JSON (services.reads).

A plan is made once a document, from the schema: a field without a resolver is an attribute of its row, and a
resolver says by `resolvers.reads` what its field is in SQL. Anything else makes no plan: graphql-core executes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField

from resolvers.context import Context
from resolvers.reads import plain, relation_of
from schema.binding import DEFINITION, name_of_type_for
from schema.endpoint.execution.arguments import Given, Variable, arguments_of, values_of
from services.reads.lists import Pages
from services.reads.projections import (
    Column,
    Connection,
    Constant,
    EdgeCursor,
    Edges,
    Nested,
    Nodes,
    NotPlain,
    PageFact,
    PageInfo,
    Part,
    Parts,
    Projection,
    TotalCount,
    column,
    inside,
)
from services.reads.relations import AnyById, Relation
from services.reads.service import Read

# PostgreSQL's functions take 100 arguments, one for each field of an object. And what one answer may be made of.
MAX_OBJECT_FIELDS = 50
MAX_FIELDS = 500
# Prefixes of the ids of rows that no plain read reads.
_OF_ACCOUNTS = ("user", "cred")


@dataclass(frozen=True)
class _Planned:
    """A read, and the arguments of its relations by their places."""

    read: Read
    arguments: Sequence[Given]

    def bound(self, variables: Mapping[str, Any]) -> tuple[Read, list[Given]]:
        return self.read, [values_of(given, variables) for given in self.arguments]


@dataclass(frozen=True)
class _Root:
    """A field of the query, whose value a read gives, else `constant`.

    With `id` there is a read for each prefix of an id; otherwise there is one.
    """

    key: bytes
    reads: Mapping[str, _Planned]
    constant: bytes = b"null"
    id: Any = None

    def planned(self, variables: Mapping[str, Any]) -> _Planned | None:
        if self.id is None:
            return self.reads.get("")
        id = self.id.value(variables) if isinstance(self.id, Variable) else self.id
        prefix = id.partition("_")[0]
        if prefix in _OF_ACCOUNTS:
            raise NotPlain
        return self.reads.get(prefix)


class JsonPlan:
    """A query made only of plain reads."""

    def __init__(self, roots: Sequence[_Root]) -> None:
        self._roots = roots

    async def data(self, context: Context, variables: Mapping[str, Any]) -> bytes | None:
        """Return the data of the answer as JSON; None when the resolvers must answer."""
        try:
            chosen = [root.planned(variables) for root in self._roots]
            bound = [planned.bound(variables) for planned in chosen if planned is not None]
        except NotPlain:
            return None
        found = await plain(context, bound)
        if found is None:
            return None
        values = iter(found)
        pairs = zip(self._roots, chosen, strict=True)
        written = [root.key + (root.constant if planned is None else next(values)) for root, planned in pairs]
        return b"{" + b",".join(written) + b"}"


def make_plan(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: VariableValues,
) -> JsonPlan | None:
    """Return the plan of a query; of the variables only those of @skip and @include change it. None: no plan."""
    try:
        return JsonPlan(list(_Planner(schema, operation, fragments, variables).roots()))
    except (NotPlain, GraphQLError):
        # A variable of @skip or @include that is null: execution by rows says which.
        return None


class _Planner:
    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = {name: FragmentDetails(node) for name, node in fragments.items()}
        self._variables = variables
        self._relations: list[Relation] = []
        self._arguments: list[Given] = []
        self._fields = 0

    def roots(self) -> Iterator[_Root]:
        query = self._schema.query_type
        assert query
        found = collect_fields(self._schema, self._fragments, self._variables, query, self._operation)
        for key, details in found.grouped_field_set.items():
            start, name = f'"{key}":'.encode(), details[0].node.name.value
            if name == "__typename":
                yield _Root(start, {}, f'"{query.name}"'.encode())
                continue
            relation, definition = _relation(query, name), _definition(query, name)
            given = arguments_of(definition, details[0].node)
            if isinstance(relation, AnyById):
                reads = {
                    prefix: self._read(one, definition, details) for prefix, one in relation.by_prefix.items()
                }
                yield _Root(start, reads, id=given["id"])
            else:
                yield _Root(start, {"": self._read(relation, definition, details)})

    def _read(self, relation: Relation, definition: GraphQLField, details: list[FieldDetails]) -> _Planned:
        self._relations, self._arguments = [], []
        root = self._nested(relation, definition, details)
        return _Planned(Read(root, tuple(self._relations)), tuple(self._arguments))

    def _nested(self, relation: Relation, definition: GraphQLField, details: list[FieldDetails]) -> Nested:
        place = len(self._relations)
        self._relations.append(relation)
        self._arguments.append(arguments_of(definition, details[0].node))
        selection: Projection | Connection | None = None
        if isinstance(relation, Pages):
            selection = self._connection(relation, definition, details)
        elif relation.model is not None:
            selection = self._projection(relation.model, details)
        required = is_non_null_type(definition.type) and is_object_type(definition.type.of_type)
        return Nested(relation, place, selection, required)

    def _projection(self, model: type[Any], details: list[FieldDetails]) -> Projection:
        row_type = self._schema.type_map[name_of_type_for(model)]
        assert isinstance(row_type, GraphQLObjectType)
        return Projection(model, self._parts(row_type, details, lambda *field: self._part(model, *field)))

    def _parts(self, parent: GraphQLObjectType, details: list[FieldDetails], part: Any) -> Parts:
        """Return the selected fields of an object; `part` makes what each but __typename is."""
        found = collect_subfields(
            self._schema, self._fragments, self._variables, self._operation, parent, details
        ).grouped_field_set
        self._fields += len(found)
        if len(found) > MAX_OBJECT_FIELDS or self._fields > MAX_FIELDS:
            raise NotPlain
        return tuple((key, self._one(parent, fields, part)) for key, fields in found.items())

    def _one(self, parent: GraphQLObjectType, details: list[FieldDetails], part: Any) -> Part:
        name = details[0].node.name.value
        if name == "__typename":
            return Constant(parent.name)
        made: Part = part(parent, name, details)
        return made

    def _part(self, model: type[Any], parent: GraphQLObjectType, name: str, details: list[FieldDetails]) -> Part:
        definition = _definition(parent, name)
        if _strawberry(definition).base_resolver is not None:
            relation = _relation(parent, name)
            if isinstance(relation, AnyById):
                raise NotPlain
            return self._nested(relation, definition, details)
        named = get_named_type(definition.type)
        if is_leaf_type(named):
            return column(model, _python_name(parent, name))
        return inside(model, _python_name(parent, name), self._parts(_object(parent, name), details, _in_record))

    def _connection(self, relation: Pages, definition: GraphQLField, details: list[FieldDetails]) -> Connection:
        def part(parent: GraphQLObjectType, name: str, details: list[FieldDetails]) -> Part:
            match name:
                case "nodes" | "node":
                    return Nodes(self._projection(relation.model, details))
                case "edges":
                    return Edges(self._parts(_object(parent, name), details, part))
                case "cursor":
                    return EdgeCursor()
                case "pageInfo":
                    return PageInfo(self._parts(_object(parent, name), details, _page_fact))
                case "totalCount":
                    return TotalCount()
            raise NotPlain

        connection = get_named_type(definition.type)
        assert isinstance(connection, GraphQLObjectType)
        return Connection(self._parts(connection, details, part))


def _in_record(parent: GraphQLObjectType, name: str, details: list[FieldDetails]) -> Part:
    return Column(_python_name(parent, name))


def _page_fact(parent: GraphQLObjectType, name: str, details: list[FieldDetails]) -> Part:
    return PageFact(_python_name(parent, name))


def _relation(parent: GraphQLObjectType, name: str) -> Relation | AnyById:
    resolver = _strawberry(_definition(parent, name)).base_resolver
    relation = relation_of(resolver) if resolver else None
    if relation is None:
        raise NotPlain
    return relation


def _definition(parent: GraphQLObjectType, name: str) -> GraphQLField:
    """Return the field's definition. The introspection of the schema is no plain read."""
    definition: GraphQLField | None = parent.fields.get(name)
    if definition is None:
        raise NotPlain
    return definition


def _strawberry(definition: GraphQLField) -> StrawberryField:
    field: StrawberryField = definition.extensions[DEFINITION]
    return field


def _python_name(parent: GraphQLObjectType, name: str) -> str:
    return _strawberry(_definition(parent, name)).python_name


def _object(parent: GraphQLObjectType, name: str) -> GraphQLObjectType:
    named = get_named_type(_definition(parent, name).type)
    assert isinstance(named, GraphQLObjectType)
    return named
