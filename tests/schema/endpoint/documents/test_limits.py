"""Documents over a limit are rejected by their size, not by the time they take; ordinary ones pass."""

import json
from typing import Any

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLList,
    GraphQLNonNull,
    OperationDefinitionNode,
    get_introspection_query,
    get_named_type,
    is_composite_type,
    parse,
)

from schema import schema
from schema.endpoint.documents.costs import INTROSPECTION_LENGTHS, Cost
from schema.prices import price_of
from tests.schema.endpoint.raw import post
from tests.support.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")


def nested(levels: int) -> str:
    """Fragments that double at each of their levels."""
    each = "a: character {{ conversations {{ ...F{0} }} }} b: character {{ conversations {{ ...F{0} }} }}"
    inner = [f"fragment F{at} on Conversation {{ {each.format(at + 1)} }}" for at in range(levels)]
    return "{ conversation(id: 1) { ...F0 } }" + "".join(inner) + f"fragment F{levels} on Conversation {{ id }}"


def beside(levels: int, inner: str = "a: __typename") -> str:
    """The same without going deeper."""
    doubled = [f"fragment F{at} on Query {{ ...F{at + 1} ...F{at + 1} }}" for at in range(levels)]
    return "{ ...F0 }" + "".join(doubled) + f"fragment F{levels} on Query {{ {inner} }}"


def fields(count: int, form: str = "x#") -> str:
    return "{ " + " ".join(form.replace("#", str(at)) for at in range(count)) + " }"


PAGES = "{ characters(first: 100) { conversations(first: 100) { %s } } }"

# A document, its code, its limit, and what it has.
BOMBS: dict[str, tuple[str, str, int, int]] = {
    "2^60 fragments below each other": (nested(60), "TOO_DEEP", 20, 122),
    "2^60 fragments beside each other": (beside(60), "TOO_MANY_ALIASES", 50, 2**53 - 1),
    "2^60 directives": (beside(60, "__typename @skip(if: false)"), "TOO_MANY_DIRECTIVES", 50, 2**53 - 1),
    "2^20 values": (beside(20, "__typename"), "TOO_COSTLY", 125_000, 2**20),
    "1,900 fields that are the same": (fields(1900, "__typename"), "TOO_MANY_ALIASES", 50, 1899),
    "60 aliases": (fields(60, "x#: __typename"), "TOO_MANY_ALIASES", 50, 60),
    "60 directives": ("{ __typename" + " @skip(if: false)" * 60 + " }", "TOO_MANY_DIRECTIVES", 50, 60),
    "30 levels": ("{ " + "a { " * 29 + "a" + " }" * 30, "TOO_DEEP", 20, 30),
    "the biggest page": ("{ characters(first: 2147483647) { id } }", "TOO_COSTLY", 125_000, 5 + 3 * (2**31 - 1)),
    "100 × 100 × 100": (
        PAGES % "messages(last: 100) { id }",
        "TOO_COSTLY",
        125_000,
        5 + 100 * (2 + 5 + 100 * (2 + 5 + 300)),
    ),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused_with_its_limit_and_its_size(served: Client, name: str) -> None:
    document, code, limit, actual = BOMBS[name]
    answer = await post(served.url, {"query": document})
    assert answer.status == 400
    assert answer.error["extensions"] == {"code": code, "limit": limit, "actual": actual}
    # It is the same over a socket, where the operation ends and no more.
    [event] = [event async for event in served.watch_socket(document)]
    assert event["errors"] == answer.json["errors"]


# Documents that the parser refuses, and what it says.
UNPARSED: dict[str, tuple[str, str]] = {
    "3,000 fields that are the same": (fields(3000, "__typename"), "more than 2000 tokens"),
    "a long comment": ("#" + "x" * 1_000_000 + "\n{ __typename }", "more than 100000 code points"),
    "40,000 comments": ("#\n" * 40_000 + "{ __typename }", "more than 5000 comments"),
    "lists in 900 lists": ("{ nodes(ids: " + "[" * 900 + "]" * 900 + ") { id } }", "nested too deeply"),
}


@pytest.mark.parametrize("name", UNPARSED)
async def test_a_document_that_is_too_long_is_not_parsed(served: Client, name: str) -> None:
    document, problem = UNPARSED[name]
    answer = await post(served.url, {"query": document})
    assert (answer.status, answer.error["extensions"]) == (400, {"code": "GRAPHQL_PARSE_FAILED"})
    assert problem in answer.error["message"]


async def test_fragments_that_select_too_much_together_are_refused_in_few_words(served: Client) -> None:
    """The parser's limits let this one pass: 150 fragments, each in the next, with the same fields."""
    chain = "".join(f"fragment F{at} on Character {{ ...F{at + 1} id name }} " for at in range(150))
    error = await served.fail(f"{{ characters {{ ...F0 }} }} {chain} fragment F150 on Character {{ id }}")
    assert error["message"] == "The document is too complex: its fragments select too many fields together."
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_fields_of_three_types_that_differ_are_refused(served: Client) -> None:
    """The first of them has no type of its own, so that comparing each with the first finds nothing."""
    parts = "... on Message { x: position } ... on Conversation { x: title } ... on Character { x: __typename }"
    document = f"{{ node(id: 1) {{ {parts} }} }}"
    error = await served.fail(document)
    assert "conflict" in error["message"]


# Documents that hold strings and comments with brackets, quotation marks and no ends.
TEXTS = [
    '{ a(b: "}}}") }',
    '{ a(b: "\\"{{{") }',
    '{ a(b: """ }}} " \\""" """) }',
    "# }}}\n{ a }",
    '{ a(b: "' + '\\"' * 30_000,
]


@pytest.mark.parametrize("document", TEXTS)
async def test_what_stands_in_texts_is_not_counted(served: Client, document: str) -> None:
    error = await served.fail(document)
    assert error["extensions"]["code"] in ("GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED")


async def test_comments_are_no_tokens(served: Client) -> None:
    assert await served.run("# one line\n" * 3000 + "{ __typename }") == {"__typename": "Query"}


async def test_page_sizes_in_variables_count(served: Client) -> None:
    document = "query ($n: Int = 100, $m: Int!) { characters(first: $n) { conversations(first: $m) { id } } }"
    answer = await served.post(document, m=2000)
    assert answer["errors"][0]["extensions"]["actual"] == 5 + 100 * (2 + 5 + 2000 * 3)
    assert "errors" not in await served.post(document, m=1)
    answer = await served.post(document, n=126_000, m=0)
    assert answer["errors"][0]["extensions"]["actual"] == 5 + 126_000 * (2 + 5)


# The values of an answer to each at the most, 5 for each field of a coroutine, 1 for each object of a list.
COSTS = {
    "{ __typename }": 1,
    "{ characters { id name } }": 5 + 20 * (2 + 2),
    "{ characters(first: 3) { id name } }": 5 + 3 * (2 + 2),
    "{ charactersConnection { nodes { id } totalCount } }": 5 + 1 + 20 * (2 + 1) + 6,
    "{ charactersConnection(last: 5) { edges { cursor node { id } } pageInfo { endCursor } } }": 6
    + 5 * (2 + 3)
    + 2,
    "{ conversation(id: 1) { messages { id } } }": 5 + 1 + 5 + 50 * (2 + 1),
    "{ conversation(id: 1) { messagesConnection { nodes { id } } } }": 5 + 1 + 5 + 1 + 50 * (2 + 1),
    "{ conversation(id: 1) { chatHistory } }": 5 + 1 + 6,
    "{ nodes(ids: [1, 2, 3]) { id } }": 5 + 3 * (2 + 1),
    "{ message(id: 1) { alternatives { id } } }": 5 + 1 + 5 + 20 * (2 + 1),
    "query ($n: Int) { characters(first: $n) { id } }": 5 + 20 * (2 + 1),
    "{ models { name } }": 5 + 500 * (2 + 1),
    "{ characters(first: 2) { ...F } } fragment F on Character { conversations(first: 3) { id } }": 5
    + 2 * (2 + 5 + 3 * (2 + 1)),
}


@pytest.mark.parametrize("document", COSTS)
async def test_the_cost_is_how_many_values_there_can_be(document: str) -> None:
    assert cost_of(document) == COSTS[document]


def cost_of(document: str) -> int:
    definitions = parse(document).definitions
    [operation] = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
    fragments = {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)}
    return Cost(schema._schema, operation, fragments).of({})


async def test_every_list_of_objects_has_a_size() -> None:
    """A new one without sizes needs a length of its own, or nothing bounds what stands below it."""
    for name, kind in schema._schema.type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            inner = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
            if not isinstance(inner, GraphQLList) or not is_composite_type(get_named_type(inner)):
                continue
            sized = {"first", "last", "ids"} & set(getattr(field, "args", {}))
            short = name.endswith("Connection") and field_name in ("edges", "nodes")
            assumed = price_of(field).length or f"{name}.{field_name}" in INTROSPECTION_LENGTHS
            assert sized or short or assumed, f"{name}.{field_name}"


# What GraphiQL, Apollo's tools and Relay's compiler ask.
INTROSPECTIONS = [
    {},
    {"descriptions": False},
    {"specified_by_url": True, "directive_is_repeatable": True, "schema_description": True},
    {"input_value_deprecation": True, "specified_by_url": True, "type_depth": 12},
]


@pytest.mark.parametrize("options", INTROSPECTIONS)
async def test_introspection_passes(served: Client, options: dict[str, Any]) -> None:
    answer = await served.run(get_introspection_query(**options))
    assert len(json.dumps(answer)) > 10_000


async def test_introspection_within_introspection_is_refused(served: Client) -> None:
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert (await served.fail(deep))["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    leaves = "name description isDeprecated deprecationReason"
    below = fields(49, "a#: fields { name }")[1:-1]
    of_type = f"{{ __schema {{ types {{ fields {{ type {{ ofType {{ {below} }} }} }} }} }} }}"
    assert (await served.fail(of_type))["extensions"]["code"] == "TOO_COSTLY"
    many = fields(40, f"a#: __schema {{ types {{ fields {{ {leaves} args {{ {leaves} defaultValue }} }} }} }}")
    assert (await served.fail(many))["extensions"]["code"] == "TOO_COSTLY"
