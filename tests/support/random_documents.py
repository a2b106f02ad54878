"""Random queries over the schema: aliases, fragments, merged fields, flags, sizes, orders, cursors, ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_leaf_type,
)

# Fields that only rows can give, and that make a document one of rows: few of them are enough.
_ROWS_ONLY = {"chatHistory", "totalTokens", "models", "serverInfo", "nodes"}
_ROWS_ONLY |= {"viewer", "users", "usersConnection", "auditEventsConnection"}


@dataclass(frozen=True)
class Known:
    """What documents can name: ids by their prefixes, and cursors of lists."""

    ids: dict[str, Sequence[str]]
    cursors: Sequence[str]


class Documents:
    def __init__(self, schema: GraphQLSchema, known: Known, seed: int) -> None:
        self._schema = schema
        self._known = known
        self._random = Random(seed)
        self._fragments: list[str] = []

    def next(self) -> tuple[str, dict[str, Any]]:
        """Return a query and its variables."""
        self._fragments = []
        query = self._schema.query_type
        assert query
        roots = [self._root(query) for _ in range(self._random.choice((1, 1, 1, 2, 3)))]
        variables = {"yes": True, "no": False, "size": self._random.randint(0, 12)}
        heading = "query ($yes: Boolean!, $no: Boolean!, $size: Int = 3)"
        used = " used: __typename @include(if: $yes) @skip(if: $no) characters(first: $size) { __typename }"
        body = " ".join(roots)
        if "$" not in body + "".join(self._fragments):
            heading, used, variables = "query", "", {}
        return f"{heading} {{ {body}{used} }} {' '.join(self._fragments)}", variables

    def _root(self, query: GraphQLObjectType) -> str:
        names = [name for name in query.fields if name not in _ROWS_ONLY or self._random.random() < 0.02]
        name = self._random.choice(names)
        return f"root{self._random.randint(0, 10**6)}: {self._field(query.fields[name], name, depth=3)}"

    def _selection(self, kind: Any, depth: int) -> str:
        if kind.name in ("Node", "Speaker") and self._random.random() < 0.8:
            kinds = {"Node": ("Character", "Conversation", "Message"), "Speaker": ("Character",)}[kind.name]
            parts = [f"... on {name} {self._selection(self._schema.type_map[name], depth)}" for name in kinds]
            return "{ __typename " + " ".join(parts) + " }"
        parts = [part for _ in range(self._random.randint(1, 6)) if (part := self._part(kind, depth))]
        return "{ " + " ".join(parts or ["__typename"]) + " }"

    def _part(self, kind: Any, depth: int) -> str:
        name = self._random.choice([*kind.fields, "__typename", "id" if "id" in kind.fields else "__typename"])
        if name == "__typename":
            return self._flagged(self._alias(name))
        if name in _ROWS_ONLY and self._random.random() < 0.9:
            return ""
        definition = kind.fields[name]
        named = get_named_type(definition.type)
        if is_composite_type(named) and depth <= 0 and "id" in named.fields:
            return ""
        part = self._alias(self._field(definition, name, depth - 1))
        return self._flagged(self._in_fragment(kind, part))

    def _field(self, definition: GraphQLField, name: str, depth: int) -> str:
        called = name + self._arguments(definition)
        named = get_named_type(definition.type)
        return called if is_leaf_type(named) else f"{called} {self._selection(named, depth)}"

    def _alias(self, part: str) -> str:
        # Arguments differ, so that only a field without them can be asked for twice under one name.
        if "(" in part or "{" in part or self._random.random() < 0.3:
            return f"alias{self._random.randint(0, 10**6)}: {part}"
        return part

    def _flagged(self, part: str) -> str:
        if "{" in part or part.startswith("...") or self._random.random() > 0.05:
            return part
        return f"{part} @{self._random.choice(('include', 'skip'))}(if: {self._random.choice(('$yes', '$no'))})"

    def _in_fragment(self, kind: Any, part: str) -> str:
        if self._random.random() > 0.15:
            return part
        if self._random.random() < 0.5:
            return f"... on {kind.name} {{ {part} }}"
        name = f"F{len(self._fragments)}"
        self._fragments.append(f"fragment {name} on {kind.name} {{ {part} __typename }}")
        return f"...{name}"

    def _arguments(self, definition: GraphQLField) -> str:
        given = {name: self._argument(name, get_named_type(one.type)) for name, one in definition.args.items()}
        if given.get("first") and given.get("last"):
            del given["last"]
        texts = [f"{name}: {value}" for name, value in given.items() if value is not None]
        return f"({', '.join(texts)})" if texts else ""

    def _argument(self, name: str, kind: Any) -> str | None:
        chance, random = self._random.random(), self._random
        match name:
            case "id":
                prefix = random.choice(list(self._known.ids))
                return self._id(prefix)
            case "ids":
                return f"[{self._id('char')}, {self._id('msg')}]"
            case "characterId":
                return self._id("char") if chance < 0.3 else None
            case "search":
                return '"e"' if chance < 0.03 else None
            case "around":
                return self._id("msg") if chance < 0.05 else None
            case "after" | "before":
                return f'"{random.choice(self._known.cursors)}"' if chance < 0.1 else None
            case "includeInactive":
                return "true" if chance < 0.3 else None
            case "orderBy":
                assert isinstance(kind, GraphQLEnumType)
                return random.choice(list(kind.values)) if chance < 0.6 else None
        sizes = ["$size", "0", "101", str(random.randint(1, 12))]
        return random.choices(sizes, (1, 1, 0.2, 5))[0] if chance < 0.6 else None

    def _id(self, prefix: str) -> str:
        if self._random.random() < 0.1:
            return f'"{self._random.choice(("", "char_x", "conv_" + "0" * 32, "é", "msg_"))}"'
        return f'"{self._random.choice(self._known.ids[prefix])}"'
