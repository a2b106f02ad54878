"""What the chat page asks: valid, far within the limits, and by a number of statements that does not grow."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, validate

import schema
from schema.endpoint.documents.costs import Cost
from services import Services
from services.settings import Settings
from tests.support.client import Client
from tests.support.makers import make_history

BUILT = Path(schema.__file__).with_name("chat") / "built"
DOCUMENTS: dict[str, str] = json.loads((BUILT / "documents.json").read_text())
SUBSCRIPTIONS = {"Watch", "Changed", "ShelfChanged"}
# A first visit loads the page, its script and its style.
MOST_FILES = 3
MOST_BYTES = 75_000


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid_and_cheap(name: str) -> None:
    document = parse(DOCUMENTS[name])
    assert validate(schema.schema._schema, document) == []
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    # The sizes of pages that the page asks for.
    cost = Cost(schema.schema._schema, operation, fragments).of({"first": 100, "ids": ["id"] * 100})
    most = Settings(_env_file=None).max_cost / (50 if name in SUBSCRIPTIONS else 10)
    assert 0 < cost < most


def variables(id: str, message: str, character: str) -> dict[str, dict[str, Any]]:
    return {
        "Start": {},
        "Shelf": {},
        "Characters": {},
        "CharacterWithConversations": {"id": character},
        "Open": {"id": id},
        "OpenAround": {"id": id, "around": message},
        "Light": {"id": id, "last": 100},
        "Rows": {"ids": [message]},
        "Versions": {"id": message},
        "Find": {"query": "word", "withTitles": True},
    }


# Those with 0 are plain queries: the database writes their JSON by one statement for each root field, which this
# fixture does not see. Start has two lists of conversations, whose loaders meet or do not.
STATEMENTS = {
    "Start": 13,
    "Shelf": 6,
    "Characters": 0,
    "CharacterWithConversations": 0,
    "Open": 0,
    "OpenAround": 9,
    "Light": 0,
    "Rows": 2,
    "Versions": 0,
    "Find": 8,
}


@pytest.mark.sqlite
@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_query_is_answered_by_few_statements(
    name: str, client: Client, services: Services, statements: list[str]
) -> None:
    # Its rounds would be counted too.
    await services.housekeeping.close()
    counts = []
    for more in (2, 60):
        conversation = await make_history(services, *(["word", "words"] * more))
        found = await client.run(
            "query ($id: ID!) { conversation(id: $id) { character { id } lastMessage { id } } }",
            id=conversation.id,
        )
        message, character = found["conversation"]["lastMessage"]["id"], found["conversation"]["character"]["id"]
        statements.clear()
        await client.run(DOCUMENTS[name], **variables(conversation.id, message, character)[name])
        counts.append(len([one for one in statements if not one.startswith(("PRAGMA", "BEGIN"))]))
    assert max(counts) <= STATEMENTS[name]


async def test_a_first_visit_loads_little(client: Client) -> None:
    page = (await client.http.get(client.url.replace("graphql", ""))).text
    named = [part.split('"')[0] for part in page.replace("href=", "src=").split('src="')[1:]]
    files = [name for name in named if not name.endswith(".svg")]
    assert len(files) + 1 <= MOST_FILES
    sizes = [
        int(answer.headers["content-length"])
        for name in ["/", *files]
        for answer in [await client.http.get(client.url.replace("/graphql", name))]
        if answer.headers["content-encoding"] == "gzip"
    ]
    assert len(sizes) == len(files) + 1
    assert 20_000 < sum(sizes) < MOST_BYTES
