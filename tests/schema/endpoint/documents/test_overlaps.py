"""FieldsCanBeMerged agrees with graphql-core's rule of overlapping fields, in linear time."""

import random

import pytest
from graphql import GraphQLError, OverlappingFieldsCanBeMergedRule, build_schema, parse, validate

from schema.endpoint.documents.overlaps import MAX_STEPS, FieldsCanBeMerged

SCHEMA = build_schema(
    """
    interface I { a: Int  i: I  n(x: Int, y: [Int]): String! }
    type A implements I { a: Int  i: I  n(x: Int, y: [Int]): String!  s: [A!]!  u: U  only: Int }
    type B implements I { a: Int  i: I  n(x: Int, y: [Int]): String!  s: [B]  u: U  only: String }
    union U = A | B
    type Query { i: I  u: U  a: A  b: B }
    """
)
NAMES = {"Query": ["i", "u", "a", "b"], "I": ["a", "i", "n"], "U": []}
NAMES |= {name: ["a", "i", "n", "s", "u", "only"] for name in "AB"}
TYPES = {"i": "I", "u": "U", "Query.a": "A", "Query.b": "B", "A.s": "A", "B.s": "B"}


def written(choice: random.Random, parent: str, levels: int) -> str:
    parts = ["__typename"]
    for _ in range(choice.randint(1, 3)):
        kind = choice.random()
        if kind < 0.25 and parent != "Query":
            inner = choice.choice("ABI")
            parts.append(f"... on {inner} {{ {written(choice, inner, levels)} }}")
        elif kind < 0.45 and parent != "Query":
            parts.append(f"...F{choice.choice('ABI')}{choice.randint(0, 1)}")
        elif NAMES[parent]:
            parts.append(field(choice, parent, levels))
    return " ".join(parts)


def field(choice: random.Random, parent: str, levels: int) -> str:
    name = choice.choice(NAMES[parent])
    alias = choice.choice(["", "", "", "a: ", "i: ", "z: "])
    arguments = (
        choice.choice(["", "", "(x: 1)", "(x: 2)", "(x: 1, y: [1])", "(y: [1], x: 1)"]) if name == "n" else ""
    )
    inner = TYPES.get(f"{parent}.{name}") or TYPES.get(name)
    if inner is None or (parent != "Query" and name in "ab"):
        return alias + name + arguments
    if levels == 0:
        return "__typename"
    return f"{alias}{name} {{ {written(choice, inner, levels - 1)} }}"


def document(seed: int) -> str:
    choice = random.Random(seed)
    fragments = [
        f"fragment F{kind}{number} on {kind} {{ {flat(choice, kind)} }}" for kind in "ABI" for number in range(2)
    ]
    operation = f"{{ {written(choice, 'Query', 3)} }} "
    # Ours looks at fragments where they are used; another rule refuses the others.
    return operation + " ".join(one for one in fragments if f"...{one.split()[1]}" in operation)


def flat(choice: random.Random, kind: str) -> str:
    """A fragment's fields; without spreads, so that there is no cycle."""
    names = [name for name in NAMES[kind] if name not in ("i", "s", "u")]
    picked = [choice.choice(names) for _ in range(2)]
    below = f"i {{ {choice.choice(['a', 'a: __typename', 'n', 'n(x: 1)'])} }}"
    return " ".join([choice.choice(["", "a: ", "z: "]) + name for name in picked] + [below])


def found(text: str, rule: type) -> list[GraphQLError]:
    return validate(SCHEMA, parse(text), [rule])


@pytest.mark.parametrize("start", range(0, 3000, 500))
def test_the_two_rules_agree(start: int) -> None:
    verdicts = set()
    for seed in range(start, start + 500):
        text = document(seed)
        theirs = bool(found(text, OverlappingFieldsCanBeMergedRule))
        assert bool(found(text, FieldsCanBeMerged)) == theirs, text
        verdicts.add(theirs)
    assert verdicts == {True, False}


def test_a_conflict_says_where_it_is_and_what_helps() -> None:
    [error] = found("{ a { z: a z: only } }", FieldsCanBeMerged)
    assert error.message == (
        "Fields 'z' conflict because 'a' and 'only' are different fields."
        " Use different aliases on the fields to fetch both if this was intentional."
    )
    assert [(one.line, one.column) for one in error.locations or ()] == [(1, 7), (1, 12)]


def test_work_is_bounded_whatever_the_fragments() -> None:
    count = 160
    fragments = " ".join(
        f"fragment F{at} on A {{ x{at}: s {{ ...F{at + 1} }} s {{ ...F{at + 1} a{at}: a }} }}"
        for at in range(count)
    )
    text = f"{{ a {{ ...F0 }} }} {fragments} fragment F{count} on A {{ a }}"
    errors = found(text, FieldsCanBeMerged)
    assert len(errors) <= 1
    assert MAX_STEPS == 20_000
