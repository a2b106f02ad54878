"""Ties a declared field to the resolver that fills it.

Resolvers speak of rows and services; fields speak of GraphQL types. The helpers here return `Any`
so that a declaration may name the GraphQL type of what its resolver returns.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from services.errors import Refusal

T = TypeVar("T")

# Keys below these are the caller's own words, and stay as they are in an error's path.
_FREE_FORM = ("chat_history", "metadata")


def field(resolver: Callable[..., Any], description: str, **arguments: str) -> Any:
    """Bind a field; `arguments` describes the resolver's parameters."""
    return strawberry.field(
        resolver=resolver, description=description, extensions=[_DescribesArguments(arguments)]
    )


def subscription(resolver: Callable[..., Any], description: str, **arguments: str) -> Any:
    return strawberry.subscription(
        resolver=resolver, description=description, extensions=[_DescribesArguments(arguments)]
    )


def mutation(
    resolver: Callable[..., Any], takes: type, gives: type, description: str, under: str | None = None
) -> Any:
    """Bind a mutation: `input` carries the resolver's arguments, and a refusal becomes a payload's userErrors.

    The resolver returns the payload's values as a mapping or as attributes; with `under`, the one field's value.
    """
    extensions = [_TakesInput(takes), _GivesPayload(gives, under)]
    return strawberry.mutation(resolver=resolver, description=description, extensions=extensions)


# Which type stands for which class of rows, events or refusals.
_standing: dict[type, type] = {}


def stands_for(*sources: type) -> Callable[[type[T]], type[T]]:
    """Let the GraphQL type below it be recognised in the rows or events of `sources`."""

    def decorate(cls: type[T]) -> type[T]:
        _standing.update((source, cls) for source in sources)
        declared: Any = cls
        declared.is_type_of = lambda value, info: isinstance(value, (cls, *sources))
        return cls

    return decorate


E = TypeVar("E", bound=type[Enum])


def enum(kind: E, name: str, description: str, **values: str) -> E:
    """Make a services' or models' enum one of the API's; `values` describes each of its values."""
    bound: Any = strawberry.enum(kind, name=name, description=description)
    definition = bound.__strawberry_definition__
    for value in definition.values:
        value.description = values.pop(value.name)
    if values:
        raise TypeError(f"{name} has no {', '.join(values)}")
    return kind


class _DescribesArguments(FieldExtension):
    def __init__(self, descriptions: dict[str, str]) -> None:
        self.descriptions = descriptions

    def apply(self, field: StrawberryField) -> None:
        for argument in field.arguments:
            argument.description = self.descriptions[argument.python_name]
            if argument.default is None:
                # The resolver's own default says the same, and the schema shows no `= null`.
                argument.default = strawberry.UNSET


class _TakesInput(FieldExtension):
    """One argument, `input`. What the resolver has no parameter for goes into its `fields`, if it has that."""

    def __init__(self, input_type: type) -> None:
        self.input_type = input_type

    def apply(self, field: StrawberryField) -> None:
        assert field.base_resolver
        wanted = {argument.python_name for argument in field.base_resolver.arguments}
        given = {one.python_name for one in get_object_definition(self.input_type, strict=True).fields}
        self.gathers = "fields" in wanted
        self.named = wanted - {"fields"}
        missing = self.named - given if self.gathers else wanted ^ given
        if missing:
            raise TypeError(f"{self.input_type.__name__} and its resolver differ in {missing}")
        field.arguments = [
            StrawberryArgument(
                python_name="input",
                graphql_name=None,
                type_annotation=StrawberryAnnotation(self.input_type),
                description="What to do it with.",
            )
        ]

    def map_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = _given(kwargs["input"])
        if not self.gathers:
            return given
        named = {name: value for name, value in given.items() if name in self.named}
        return {**named, "fields": {name: value for name, value in given.items() if name not in named}}


class _GivesPayload(FieldExtension):
    def __init__(self, payload: type, under: str | None) -> None:
        self.payload = payload
        self.under = under

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        try:
            result = await next_(source, info, **kwargs)
        except Refusal as refusal:
            return self.payload(user_errors=[_as_data(refusal)])
        finally:
            # What the next mutation of the operation reads may have changed by this one.
            info.context.forget()
        return self.payload(**self._values(result))

    def _values(self, result: Any) -> dict[str, Any]:
        if self.under is not None:
            return {self.under: result}
        if isinstance(result, dict):
            return result
        fields = get_object_definition(self.payload, strict=True).fields
        return {one.python_name: getattr(result, one.python_name) for one in fields if one.name != "user_errors"}


def _as_data(refusal: Refusal) -> Any:
    """Return a refusal as its type: an exception among the results would count as an error of the server."""
    kind = next(_standing[one] for one in type(refusal).__mro__ if one in _standing)
    names = [one.python_name for one in get_object_definition(kind, strict=True).fields]
    path = ["input", *_camel_cased(refusal.path)] if refusal.path else []
    return kind(**{name: getattr(refusal, name) for name in names if name != "path"}, path=path)


def _given(value: Any) -> Any:
    """Return an input as a mapping of what was given, inputs inside it likewise."""
    if get_object_definition(type(value)) is None:
        return value
    return {name: _given(part) for name, part in vars(value).items() if part is not strawberry.UNSET}


def _camel_cased(path: list[str]) -> list[str]:
    steps = [to_camel_case(step) for step in path]
    return [steps[0], *path[1:]] if path[0] in _FREE_FORM else steps
