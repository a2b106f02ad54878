"""Documents derived from the GraphQL schema: one for each argument that takes an id, wherever it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLNamedType,
    GraphQLSchema,
    OperationType,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

# In a table of samples: the argument is left out, because it excludes another or has tests of its own.
ABSENT: Any = object()

Path = tuple[str, ...]
Ids = Mapping[str, str]


class NoSample(AssertionError):
    """The schema has an argument that nobody has given a sample value."""


@dataclass(frozen=True)
class Case:
    """Fields from the root to one with arguments that take ids, and the paths of those that name foreign rows."""

    operation: OperationType
    route: Path
    foreign: tuple[Path, ...]

    def __str__(self) -> str:
        paths = ", ".join(".".join(path) for path in self.foreign)
        return f"{self.operation.value} {'.'.join(self.route)}({paths})"


@dataclass(frozen=True)
class Contract:
    """`samples` are values and `kinds` kinds of ids, each by coordinate, argument's name, or type."""

    schema: GraphQLSchema
    samples: Mapping[str, Any]
    kinds: Mapping[str, str]

    def cases(self) -> list[Case]:
        """Each argument that takes an id by itself, and all those of a field together."""
        return list(chain.from_iterable(self._cases_of(*place) for place in self._places()))

    def check(self) -> None:
        """Raises NoSample for an argument of a case without a sample."""
        for case in self.cases():
            ids = dict.fromkeys(self.kinds.values(), "")
            self.kinds_of(case)
            self.variables(case, ids, ids, full=True)

    def kinds_of(self, case: Case) -> set[str]:
        parent, field = self._fields(case)[-1]
        return {self.kind(_coordinate(parent, case.route[-1], field, path)) for path in case.foreign}

    def document(self, case: Case, depth: int = 2) -> str:
        """Takes a variable for each argument on the route, and selects what the last field gives."""
        fields = self._fields(case)
        inner = self.selection(fields[-1][1].type, depth)
        declared = []
        for name, (_, field) in zip(reversed(case.route), reversed(fields), strict=True):
            arguments = [f"{argument}: ${name}_{argument}" for argument in field.args]
            declared += [f"${name}_{argument}: {_optional(one)}" for argument, one in field.args.items()]
            inner = f"{{ {name}({', '.join(arguments)}) {inner} }}" if arguments else f"{{ {name} {inner} }}"
        return f"{case.operation.value} ({', '.join(declared)}) {inner}"

    def variables(self, case: Case, foreign: Ids, own: Ids, full: bool) -> dict[str, Any]:
        """Gives the arguments of the case foreign ids, and others own ones; optional arguments only if `full`."""
        given = {}
        for step, (name, (parent, field)) in enumerate(zip(case.route, self._fields(case), strict=True), 1):
            chosen = case.foreign if step == len(case.route) else ()
            values = _Values(self, foreign, own, full, chosen)
            for argument, one in field.args.items():
                value = values.of(f"{parent}.{name}.{argument}", one, (argument,))
                if value is not ABSENT:
                    given[f"{name}_{argument}"] = value
        return given

    def selection(self, kind: Any, depth: int) -> str:
        """Selects every leaf, and those of the objects below to the depth, of every type that there can be."""
        named: Any = get_named_type(kind)
        if is_leaf_type(named):
            return ""
        shared = getattr(named, "fields", {})
        selected = self._fields_of(named, shared, depth)
        for one in self.schema.get_possible_types(named) if is_abstract_type(named) else ():
            own = {name: field for name, field in one.fields.items() if name not in shared}
            # Types have fields of one name with different types, so each gets an alias of its own.
            if more := self._fields_of(one, own, depth, f"{one.name}_"):
                selected.append(f"... on {one.name} {{ {' '.join(more)} }}")
        return f"{{ {' '.join(selected)} }}"

    def sample(self, coordinate: str, kind: Any) -> Any:
        """Raises NoSample."""
        return _found(self.samples, coordinate, get_named_type(kind).name)

    def kind(self, coordinate: str) -> str:
        """Raises NoSample."""
        return str(_found(self.kinds, coordinate))

    def _fields_of(self, kind: Any, fields: Mapping[str, Any], depth: int, prefix: str = "") -> list[str]:
        selected = []
        for name, field in fields.items():
            assert not any(map(_is_required, field.args.values())), f"{kind}.{name} needs arguments"
            if depth or is_leaf_type(get_named_type(field.type)):
                alias = f"{prefix}{name}: " if prefix else ""
                selected.append(f"{alias}{name} {self.selection(field.type, depth - 1)}")
        return selected

    def _places(self) -> Iterator[tuple[OperationType, Path, GraphQLField]]:
        roots = {self.schema.get_root_type(operation): operation for operation in OperationType}
        for root, operation in roots.items():
            for name, field in (root.fields if root else {}).items():
                yield operation, (name,), field
        for kind in self.schema.type_map.values():
            if is_object_type(kind) and kind not in roots and not kind.name.startswith("__"):
                for name, field in kind.fields.items():
                    if any(self._paths(argument, one) for argument, one in field.args.items()):
                        yield OperationType.QUERY, (*self._route_to(kind), name), field

    def _cases_of(self, operation: OperationType, route: Path, field: GraphQLField) -> Iterator[Case]:
        paths = [path for name, one in field.args.items() for path in self._paths(name, one)]
        for path in paths:
            yield Case(operation, route, (path,))
        if len(paths) > 1:
            yield Case(operation, route, tuple(paths))

    def _paths(self, name: str, argument: GraphQLArgument | GraphQLInputField, above: Path = ()) -> list[Path]:
        kind = get_named_type(argument.type)
        if kind.name == "ID":
            return [(*above, name)]
        if not is_input_object_type(kind):
            return []
        return [path for part, one in kind.fields.items() for path in self._paths(part, one, (*above, name))]

    def _route_to(self, wanted: GraphQLNamedType) -> Path:
        """Returns the shortest way from the root of queries to a type."""
        start: Any = self.schema.get_root_type(OperationType.QUERY)
        ways: list[tuple[Path, Any]] = [((), start)]
        seen = {start}
        for route, kind in ways:
            if kind is wanted:
                return route
            for name, field in getattr(kind, "fields", {}).items():
                if (then := get_named_type(field.type)) not in seen and is_object_type(then):
                    seen.add(then)
                    ways.append(((*route, name), then))
        raise NoSample(f"No query leads to {wanted.name}.")

    def _fields(self, case: Case) -> list[tuple[str, GraphQLField]]:
        """Returns the fields of the route, each with the name of its type."""
        kind: Any = self.schema.get_root_type(case.operation)
        found = []
        for name in case.route:
            found.append((kind.name, kind.fields[name]))
            kind = get_named_type(kind.fields[name].type)
        return found


@dataclass(frozen=True)
class _Values:
    """Values for the arguments of one field; those at the paths `chosen` get foreign ids."""

    contract: Contract
    foreign: Ids
    own: Ids
    full: bool
    chosen: tuple[Path, ...]

    def of(self, coordinate: str, argument: Any, path: Path) -> Any:
        """Returns the value of an argument, or ABSENT. Raises NoSample."""
        kind: Any = get_named_type(argument.type)
        wanted = self.full or _is_required(argument)
        given: Any
        if kind.name == "ID":
            wanted = path in self.chosen or _is_required(argument)
            given = (self.foreign if path in self.chosen else self.own)[self.contract.kind(coordinate)]
        elif is_input_object_type(kind):
            parts = {name: self.of(f"{kind}.{name}", one, (*path, name)) for name, one in kind.fields.items()}
            given = {name: part for name, part in parts.items() if part is not ABSENT}
        else:
            return self.contract.sample(coordinate, kind) if wanted else ABSENT
        if not wanted:
            return ABSENT
        return [given] if is_list_type(get_nullable_type(argument.type)) else given


def _coordinate(parent: str, name: str, field: GraphQLField, path: Path) -> str:
    coordinate, argument = f"{parent}.{name}.{path[0]}", field.args[path[0]]
    for part in path[1:]:
        kind: Any = get_named_type(argument.type)
        coordinate, argument = f"{kind.name}.{part}", kind.fields[part]
    return coordinate


def _found(table: Mapping[str, Any], coordinate: str, *more: str) -> Any:
    for name in (coordinate, coordinate.rpartition(".")[2], *more):
        if name in table:
            return table[name]
    raise NoSample(f"{coordinate} has no sample in the test's tables; give it one.")


def _is_required(argument: Any) -> bool:
    return is_non_null_type(argument.type) and argument.default_value is Undefined


def _optional(argument: Any) -> str:
    """Returns a type for the variable of an argument: with a default, the argument may be left out."""
    return str(argument.type if _is_required(argument) else get_nullable_type(argument.type))
