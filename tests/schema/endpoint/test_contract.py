"""Everything in the schema has a description."""

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from schema import schema


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
