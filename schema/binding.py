"""Binding of fields to the resolvers that fill them.

Resolvers return rows and values of services; fields declare GraphQL types. The functions here return `Any` so that
a declaration can name the GraphQL type of what its resolver returns.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from services.errors import UserError

T = TypeVar("T")

# Under this key a field or an argument of graphql-core has its declaration.
DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF

# The keys inside these JSON values are the caller's own, so an error's path has them unchanged.
_FREE_FORM = ("chat_history", "metadata")


def field(resolver: Callable[..., Any], description: str, **arguments: str) -> Any:
    """Bind a field; `arguments` describes the parameters of the resolver."""
    return strawberry.field(
        resolver=resolver, description=description, extensions=[_ArgumentDescriptions(arguments)]
    )


def subscription(resolver: Callable[..., Any], description: str, **arguments: str) -> Any:
    return strawberry.subscription(
        resolver=resolver, description=description, extensions=[_ArgumentDescriptions(arguments)]
    )


def mutation(
    resolver: Callable[..., Any],
    input_type: type,
    payload_type: type,
    description: str,
    payload_field: str | None = None,
) -> Any:
    """Bind a mutation: `input` has the resolver's arguments, and a UserError goes into the payload's userErrors.

    The resolver returns the values of the payload as a mapping or as attributes, or with `payload_field` the value
    of that one field.
    """
    extensions = [_InputArgument(input_type), _PayloadResult(payload_type, payload_field)]
    return strawberry.mutation(resolver=resolver, description=description, extensions=extensions)


# The GraphQL type of each class of rows, events or errors.
_types_by_source: dict[type, type] = {}


def represents(*sources: type) -> Callable[[type[T]], type[T]]:
    """Make a GraphQL type the one of the rows or events of `sources`."""

    def decorate(cls: type[T]) -> type[T]:
        _types_by_source.update((source, cls) for source in sources)
        declared: Any = cls
        declared.is_type_of = lambda value, info: isinstance(value, (cls, *sources))
        return cls

    return decorate


def name_of_type_for(source: type) -> str:
    """Return the name of the GraphQL type that represents rows of the class."""
    return get_object_definition(_types_by_source[source], strict=True).name


E = TypeVar("E", bound=type[Enum])


def enum(kind: E, name: str, description: str, **values: str) -> E:
    """Make an enum of services or models a GraphQL enum; `values` describes each of its values."""
    bound: Any = strawberry.enum(kind, name=name, description=description)
    definition = bound.__strawberry_definition__
    for value in definition.values:
        value.description = values.pop(value.name)
    if values:
        raise TypeError(f"{name} has no {', '.join(values)}")
    return kind


class _ArgumentDescriptions(FieldExtension):
    def __init__(self, descriptions: dict[str, str]) -> None:
        self.descriptions = descriptions

    def apply(self, field: StrawberryField) -> None:
        for argument in field.arguments:
            argument.description = self.descriptions[argument.python_name]
            if argument.default is None:
                # Without a default in the schema the resolver's own default applies; clients see no `= null`.
                argument.default = strawberry.UNSET


class _InputArgument(FieldExtension):
    """Takes one argument, `input`, whose fields are the resolver's arguments.

    A field without a parameter of that name goes into the parameter `fields`, if the resolver has it.
    """

    def __init__(self, input_type: type) -> None:
        self.input_type = input_type

    def apply(self, field: StrawberryField) -> None:
        assert field.base_resolver
        definition = get_object_definition(self.input_type, strict=True)
        parameters = {argument.python_name for argument in field.base_resolver.arguments}
        declared = {one.python_name for one in definition.fields}
        self.collects_fields = "fields" in parameters
        self.parameters = parameters - {"fields"}
        missing = self.parameters - declared if self.collects_fields else parameters ^ declared
        if missing:
            raise TypeError(f"{self.input_type.__name__} and its resolver differ in {missing}")
        field.arguments = [
            StrawberryArgument(
                python_name="input",
                graphql_name=None,
                type_annotation=StrawberryAnnotation(self.input_type),
                description=definition.description,
            )
        ]

    def map_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = _without_unset(kwargs["input"])
        if not self.collects_fields:
            return values
        arguments = {name: value for name, value in values.items() if name in self.parameters}
        return {**arguments, "fields": {name: value for name, value in values.items() if name not in arguments}}


class _PayloadResult(FieldExtension):
    def __init__(self, payload_type: type, payload_field: str | None) -> None:
        self.payload_type = payload_type
        self.payload_field = payload_field

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        try:
            result = await next_(source, info, **kwargs)
        except UserError as error:
            return self.payload_type(user_errors=[_user_error(error)])
        finally:
            # The mutation may have changed what the next mutation of the operation loads.
            info.context.reset_loaders()
        return self.payload_type(**self._values(result))

    def _values(self, result: Any) -> dict[str, Any]:
        if self.payload_field is not None:
            return {self.payload_field: result}
        if isinstance(result, dict):
            return result
        fields = get_object_definition(self.payload_type, strict=True).fields
        return {one.python_name: getattr(result, one.python_name) for one in fields if one.name != "user_errors"}


def _user_error(error: UserError) -> Any:
    """Return the error as its GraphQL type: an exception in the result would count as an error of the server."""
    kind = next(_types_by_source[one] for one in type(error).__mro__ if one in _types_by_source)
    names = [one.python_name for one in get_object_definition(kind, strict=True).fields]
    path = ["input", *_camel_cased(error.path)] if error.path else []
    return kind(**{name: getattr(error, name) for name in names if name != "path"}, path=path)


def _without_unset(value: Any) -> Any:
    """Return an input as a mapping of the fields that were given, and so for the inputs inside it."""
    if get_object_definition(type(value)) is None:
        return value
    return {name: _without_unset(part) for name, part in vars(value).items() if part is not strawberry.UNSET}


def _camel_cased(path: list[str]) -> list[str]:
    steps = [to_camel_case(step) for step in path]
    return [steps[0], *path[1:]] if path[0] in _FREE_FORM else steps
