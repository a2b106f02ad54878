"""schema/schema.graphql is the schema as clients see it."""

from pathlib import Path

from graphql import build_schema

from schema import schema, sdl
from schema.endpoint.documents.limits import Limits
from services.paging import MAX_PAGE_SIZE
from services.settings import Settings
from tests.support.client import Client

SNAPSHOT = Path(__file__).parents[2] / "schema" / "schema.graphql"


def test_the_snapshot_is_the_schema() -> None:
    """After a wanted change: `python app.py export-schema > schema/schema.graphql`."""
    assert SNAPSHOT.read_text() == sdl() + "\n"


async def test_the_playground_gets_the_description_of_the_schema(client: Client) -> None:
    found = await client.run("{ __schema { description } }")
    assert "The first three steps" in found["__schema"]["description"]
    assert build_schema(sdl()).description == schema._schema.description == found["__schema"]["description"]


async def test_every_limit_of_documents_can_be_asked_for(client: Client, settings: Settings) -> None:
    fields = """maxPageSize maxCost maxDocumentTokens maxDepth maxAliases maxDirectives maxRequestSize
        maxChatHistorySize maxAnswerSize maxOperations maxBacklogSize waitLimitSeconds"""
    info = (await client.run(f"{{ serverInfo {{ {fields} }} }}"))["serverInfo"]
    limits = Limits.of(settings)
    assert info["maxPageSize"] == MAX_PAGE_SIZE
    assert [info["maxCost"], info["maxDocumentTokens"], info["maxDepth"]] == [
        limits.cost,
        limits.tokens,
        limits.depth,
    ]
    assert [info["maxAliases"], info["maxDirectives"]] == [limits.aliases, limits.directives]
    assert [info["maxRequestSize"], info["maxAnswerSize"]] == [limits.request, limits.answer]
    assert info["maxChatHistorySize"] == settings.max_body
    assert [info["maxOperations"], info["maxBacklogSize"]] == [settings.max_operations, settings.max_backlog]
    assert info["waitLimitSeconds"] == settings.wait_limit
