"""The schema breaks no client of the last release, and everything in it has a description."""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    BreakingChangeType,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
    is_specified_scalar_type,
)

from schema import schema

# Replaced by schema/schema.graphql with each release; whoever breaks it on purpose says so in CHANGELOG.md.
RELEASED = (Path(__file__).parent / "released.graphql").read_text()


def test_nothing_breaks_what_clients_of_the_last_release_use() -> None:
    changes = find_breaking_changes(build_schema(RELEASED), build_schema(schema.as_str()))
    assert [change.description for change in changes] == []


def test_a_breaking_change_would_be_found() -> None:
    without = RELEASED.replace("  serverInfo: ServerInfo!", "  aboutServer: ServerInfo!")
    [change] = find_breaking_changes(build_schema(RELEASED), build_schema(without))
    assert change.type is BreakingChangeType.FIELD_REMOVED


def described() -> Iterator[tuple[str, str | None]]:
    """Every part of the contract with its description."""
    for name, kind in schema._schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(kind):
            continue
        yield name, kind.description
        match kind:
            case GraphQLEnumType():
                yield from ((f"{name}.{value}", one.description) for value, one in kind.values.items())
            case GraphQLInputObjectType():
                yield from ((f"{name}.{field}", one.description) for field, one in kind.fields.items())
            case GraphQLObjectType() | GraphQLInterfaceType():
                for field_name, field in kind.fields.items():
                    yield f"{name}.{field_name}", field.description
                    for argument_name, argument in field.args.items():
                        yield f"{name}.{field_name}({argument_name}:)", argument.description


def test_everything_has_a_description() -> None:
    parts = dict(described())
    assert len(parts) > 400
    assert [part for part, description in parts.items() if not (description or "").strip()] == []
