"""How big a document may be, found out in time linear in its length: a fragment is measured once, used or not."""

import re
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
)

from schema.endpoint.errors import PARSE_FAILED, over_limit, refused
from services.settings import Settings

# Characters of one document. Long texts belong into variables.
MAX_LENGTH = 100_000
# Digits of one number. Python reads no more than 4300.
MAX_DIGITS = 1000
# Brackets within brackets; the parser takes several stack frames for each.
MAX_NESTING = 60

# What graphql-core counts as a token, and comments. A text may lack its end: looking for it again and again
# from each quotation mark would take quadratic time.
_TOKEN = re.compile(
    r'''
      """ (?: [^"\\] | \\""" | \\ | "(?!"") )*+ (?:""")?
    | "   (?: [^"\\\n\r] | \\. )*+ "?
    | [#] [^\n\r]*+
    | [.]{3}
    | [_A-Za-z] \w*+
    | -?\d [\w.+-]*+
    | [^\s,\ufeff]
    ''',
    re.ASCII | re.VERBOSE,
)
_NUMERIC = "-0123456789"
_DEEPER = {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}


@dataclass(frozen=True)
class Limits:
    tokens: int
    depth: int
    aliases: int
    directives: int
    cost: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            tokens=settings.max_document_tokens,
            depth=settings.max_depth,
            aliases=settings.max_aliases,
            directives=settings.max_directives,
            cost=settings.max_cost,
        )


class Size(NamedTuple):
    """How much a selection holds, fragments written out. A field that is there twice counts as an alias."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0

    def beside(self, other: "Size") -> "Size":
        return Size(max(self.depth, other.depth), self.aliases + other.aliases, self.directives + other.directives)


def check_text(text: str, limits: Limits) -> int:
    """Refuse what is too long to parse; return how many tokens it has."""
    if len(text) > MAX_LENGTH:
        raise over_limit("Characters of the document", "DOCUMENT_TOO_LONG", MAX_LENGTH, len(text))
    tokens = nesting = deepest = 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token[0] == "#":
            continue
        tokens += 1
        if len(token) > MAX_DIGITS and token[0] in _NUMERIC:
            raise refused("A number of the document is too long.", PARSE_FAILED)
        if token in _DEEPER:
            nesting += _DEEPER[token]
            deepest = max(deepest, nesting)
    if tokens > limits.tokens:
        raise over_limit("Tokens of the document", "TOO_MANY_TOKENS", limits.tokens, tokens)
    if deepest > MAX_NESTING:
        raise over_limit("Levels of brackets", "TOO_DEEP", MAX_NESTING, deepest)
    return tokens


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Refuse what is too deep, or has too many aliases or directives; nothing else is looked for."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    measure = _Measure(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = measure.whole(definition)
            for what, code, limit, actual in (
                ("Levels of fields", "TOO_DEEP", limits.depth, size.depth),
                ("Aliases and repeated fields", "TOO_MANY_ALIASES", limits.aliases, size.aliases),
                ("Directives", "TOO_MANY_DIRECTIVES", limits.directives, size.directives),
            ):
                if actual > limit:
                    raise over_limit(what, code, limit, actual)


class _Measure:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._sizes: dict[str, Size] = {}

    def whole(self, operation: OperationDefinitionNode) -> Size:
        for name in _inner_first(self._fragments, operation.selection_set):
            fragment = self._fragments[name]
            self._sizes[name] = self._of(fragment.selection_set).beside(_directives(fragment))
        own = [_directives(variable) for variable in operation.variable_definitions or ()]
        return _all_beside([self._of(operation.selection_set), _directives(operation), *own])

    def _of(self, selections: SelectionSetNode | None) -> Size:
        if selections is None:
            return Size()
        names = [
            node.name.value for node in selections.selections if isinstance(node, FieldNode) and not node.alias
        ]
        repeated = Size(aliases=len(names) - len(set(names)))
        return _all_beside([repeated, *map(self._of_one, selections.selections)])

    def _of_one(self, node: SelectionNode) -> Size:
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
        return size.beside(_directives(node))


def _directives(node: object) -> Size:
    return Size(directives=len(getattr(node, "directives", None) or ()))


def _all_beside(sizes: Iterable[Size]) -> Size:
    total = Size()
    for size in sizes:
        total = total.beside(size)
    return total


def _inner_first(fragments: dict[str, FragmentDefinitionNode], start: SelectionSetNode) -> list[str]:
    """Return the names of all fragments used, each after those it uses itself; chains of any length are fine."""
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
