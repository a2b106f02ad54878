"""Limits of documents: the parser's, and those of depth, aliases and directives.

Strawberry's QueryDepthLimiter and MaxAliasesLimiter walk into a fragment again wherever it is used, which takes
time exponential in the length of the document. Here each fragment is measured only once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    parse,
)

from schema.endpoint.errors import over_limit
from services.settings import Settings

# Characters of one document; long texts belong in variables.
MAX_LENGTH = 100_000
# Comments are no tokens, and the parser looks at each.
MAX_COMMENTS = 5000


@dataclass(frozen=True)
class Limits:
    tokens: int
    depth: int
    aliases: int
    directives: int
    cost: int
    answer: int
    request: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            tokens=settings.max_document_tokens,
            depth=settings.max_depth,
            aliases=settings.max_aliases,
            directives=settings.max_directives,
            cost=settings.max_cost,
            answer=settings.max_answer,
            request=settings.max_request,
        )


class Size(NamedTuple):
    """The size of a selection with its fragments expanded. A repeated field counts as an alias."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0

    def combine(self, other: "Size") -> "Size":
        return Size(max(self.depth, other.depth), self.aliases + other.aliases, self.directives + other.directives)


def parse_document(text: str, limits: Limits) -> DocumentNode:
    """Parse a document that keeps the limits of the parser. Raises GraphQLSyntaxError."""
    return parse(text, max_lexical_tokens=limits.tokens, max_comments=MAX_COMMENTS, max_source_length=MAX_LENGTH)


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Check depth, aliases and directives. Raises RequestError."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    sizes = _Sizes(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = sizes.of_operation(definition)
            for problem, code, limit, actual in (
                ("The document has too many levels of fields", "TOO_DEEP", limits.depth, size.depth),
                (
                    "The document has too many aliases and repeated fields",
                    "TOO_MANY_ALIASES",
                    limits.aliases,
                    size.aliases,
                ),
                (
                    "The document has too many directives",
                    "TOO_MANY_DIRECTIVES",
                    limits.directives,
                    size.directives,
                ),
            ):
                if actual > limit:
                    raise over_limit(problem, code, limit, actual)


class _Sizes:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._sizes: dict[str, Size] = {}

    def of_operation(self, operation: OperationDefinitionNode) -> Size:
        for name in _dependencies_first(self._fragments, operation.selection_set):
            fragment = self._fragments[name]
            self._sizes[name] = self._of(fragment.selection_set).combine(_directives(fragment))
        own = [_directives(variable) for variable in operation.variable_definitions or ()]
        return _combine_all([self._of(operation.selection_set), _directives(operation), *own])

    def _of(self, selections: SelectionSetNode | None) -> Size:
        if selections is None:
            return Size()
        names = [
            node.name.value for node in selections.selections if isinstance(node, FieldNode) and not node.alias
        ]
        repeated = Size(aliases=len(names) - len(set(names)))
        return _combine_all([repeated, *map(self._of_node, selections.selections)])

    def _of_node(self, node: SelectionNode) -> Size:
        match node:
            case FieldNode():
                inner = self._of(node.selection_set)
                size = Size(inner.depth + 1, inner.aliases + (node.alias is not None), inner.directives)
            case FragmentSpreadNode():
                size = self._sizes.get(node.name.value, Size())
            case InlineFragmentNode():
                size = self._of(node.selection_set)
            case _:
                size = Size()
        return size.combine(_directives(node))


def _directives(node: object) -> Size:
    return Size(directives=len(getattr(node, "directives", None) or ()))


def _combine_all(sizes: Iterable[Size]) -> Size:
    total = Size()
    for size in sizes:
        total = total.combine(size)
    return total


def _dependencies_first(fragments: dict[str, FragmentDefinitionNode], start: SelectionSetNode) -> list[str]:
    """Return the names of all used fragments, each after those it uses itself, without recursion."""
    ordered: list[str] = []
    seen: set[str] = set()
    stack = [("", iter(list(_spreads(start))))]
    while stack:
        name, inner = stack[-1]
        for used in inner:
            if used in fragments and used not in seen:
                seen.add(used)
                stack.append((used, iter(list(_spreads(fragments[used].selection_set)))))
                break
        else:
            stack.pop()
            if name:
                ordered.append(name)
    return ordered


def _spreads(selections: SelectionSetNode) -> Iterator[str]:
    for node in selections.selections:
        if isinstance(node, FragmentSpreadNode):
            yield node.name.value
        elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
            yield from _spreads(node.selection_set)
