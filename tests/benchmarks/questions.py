"""The questions of the read benchmarks, and what a right answer to each of them is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.library import CROWDED, key

_README = Path(__file__).parents[2] / "README.md"
# The same object has another id in another database, and each server has a form of cursors of its own.
_OWN = {"id", "cursor", "startCursor", "endCursor", "streamCursor"}


@dataclass(frozen=True)
class Question:
    """A document for our server and, unless it is empty, one for the peers; `leaves`: values in a right answer."""

    name: str
    document: str
    leaves: int
    peers_document: str = ""
    character: int | None = None

    def ours(self) -> dict[str, Any]:
        return self._request(self.document, lambda number: key("char", number))

    def peers(self) -> dict[str, Any]:
        return self._request(self.peers_document, str)

    def _request(self, document: str, id_of: Any) -> dict[str, Any]:
        variables = {} if self.character is None else {"variables": {"id": id_of(self.character)}}
        return {"query": document, **variables}


def shelf() -> str:
    """Returns the README's query of a frontend's first page."""
    found = re.search(r"```graphql\n(query Shelf .*?)```", _README.read_text(), re.DOTALL)
    assert found, "README.md shows no query Shelf."
    return found[1]


_PAGE = """query Page($id: ID!) {
  character(id: $id) { id name description conversations { id title createdAt updatedAt } } }"""
_TREE = """query Tree($id: ID!) {
  character(id: $id) { id name description
    conversations { id title createdAt updatedAt messages { id role content createdAt } } } }"""
# As Relay's compiler writes a paginated list.
_RELAY_PAGE = """query RelayPage($id: ID!) {
  character(id: $id) { id name
    conversationsConnection(first: 20) {
      edges { cursor node { id title createdAt updatedAt __typename } }
      pageInfo { endCursor hasNextPage hasPreviousPage startCursor } } } }"""
_RELAY_SHELF = """query RelayShelf {
  charactersConnection(first: 10) {
    edges { cursor node { id name avatarUrl
      conversationsConnection(first: 5) {
        edges { cursor node { id title updatedAt __typename } }
        pageInfo { endCursor hasNextPage } }
      __typename } }
    pageInfo { endCursor hasNextPage } } }"""


def questions() -> list[Question]:
    page, tree = 3 + 20 * 4, 3 + 20 * (4 + 10 * 4)
    return [
        Question("small", "{ __typename }", 1, "{ hello }"),
        Question("page", _PAGE, page, _PAGE, character=7),
        Question("page of 200,000", _PAGE, page, _PAGE, character=CROWDED),
        Question("tree", _TREE, tree, _TREE, character=7),
        Question("Shelf", shelf(), 10 * (3 + 5 * 9), shelf()),
        Question("Relay page", _RELAY_PAGE, 2 + 20 * 6 + 4, character=7),
        Question("Relay shelf", _RELAY_SHELF, 10 * (5 + 5 * 5 + 2) + 2),
    ]


def leaves(data: Any) -> int:
    """Returns how many values, nulls included, an answer's data has."""
    if isinstance(data, Mapping):
        return sum(map(leaves, data.values()))
    return sum(map(leaves, data)) if isinstance(data, list) else 1


def comparable(data: Any) -> Any:
    """Returns the data without the values that only one server knows."""
    if isinstance(data, Mapping):
        return {name: comparable(value) for name, value in data.items() if name not in _OWN}
    return [comparable(one) for one in data] if isinstance(data, list) else data
