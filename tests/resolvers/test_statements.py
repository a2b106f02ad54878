"""One request costs a fixed number of SQL statements, as long as they read no more rows than one batch has."""

import pytest

from models import LOCAL_OWNER
from schema.endpoint.execution.operations import PlainQuery
from services import Services
from tests.support.makers import make_character, make_history
from tests.support.plain_reads import Asking

PLAIN = "{ characters(first: 100) { name conversations { title messages(last: 4) { role content } } } }"
RELAY = """{ charactersConnection(first: 100) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node {
    name conversationCount conversationsConnection(first: 5) { totalCount nodes { title character { name }
        lastMessage { content } activeReply { id } chatHistory
        messagesConnection(last: 3) { totalCount edges { node {
            content alternativeIndex alternativeCount alternatives(first: 3) { id } parent { id } speaker { name }
            conversation { id } } } } } } } } } }"""


async def fill(services: Services, characters: int) -> None:
    for number in range(characters):
        character = await make_character(services, f"Character {number}")
        for _ in range(2):
            await make_history(services, "Hello", "Hi.", "More", "Yes.", character=character)


@pytest.mark.parametrize(("document", "count"), [(PLAIN, 3), (RELAY, 13)])
async def test_the_count_of_statements_does_not_grow(
    document: str, count: int, services: Services, statements: list[str]
) -> None:
    # Its rounds would be counted too.
    await services.housekeeping.close()
    asking, counts = Asking(services, LOCAL_OWNER), []
    for more in (3, 27):
        await fill(services, more)
        statements.clear()
        operation = asking.prepared(document)
        rows = operation.by_rows() if isinstance(operation, PlainQuery) else operation
        assert "errors" not in await rows.result()
        counts.append(len([one for one in statements if not one.startswith(("PRAGMA", "BEGIN"))]))
    assert counts == [count, count]
