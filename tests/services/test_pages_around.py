"""Pages around a message: where a search or a link leads in a long conversation."""

from collections.abc import Sequence
from typing import Any

import pytest

from models import LOCAL_OWNER
from services import Services
from services.paging import PageArguments
from tests.support.client import Client
from tests.support.makers import make_history

PAGE = """query ($id: ID!, $around: ID!, $first: Int, $all: Boolean! = false, $after: String) {
    conversation(id: $id) {
    messagesConnection(around: $around, first: $first, includeInactive: $all, after: $after) {
        nodes { content } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } } }"""
NEIGHBOURS = """query ($id: ID!, $before: String!, $after: String!) { conversation(id: $id) {
    earlier: messagesConnection(last: 2, before: $before) { nodes { content } }
    later: messagesConnection(first: 2, after: $after) { nodes { content } } } }"""


async def pages(client: Client, **variables: Any) -> Any:
    return (await client.run(PAGE, **variables))["conversation"]["messagesConnection"]


def contents(page: Any) -> str:
    return "".join(node["content"] for node in page["nodes"])


async def ids(services: Services, conversation_id: str) -> Sequence[str]:
    page = await services.messages.path_page(LOCAL_OWNER, conversation_id, PageArguments(first=100))
    return [message.id for message in page.nodes]


@pytest.mark.parametrize(
    ("at", "first", "expected", "previous", "following"),
    [
        ("f", 5, "defgh", True, True),
        ("f", 4, "defg", True, True),
        ("f", 1, "f", True, True),
        ("a", 4, "abcd", False, True),
        ("b", 4, "abcd", False, True),
        ("j", 4, "ghij", True, False),
        ("f", None, "abcdefghij", False, False),
        ("f", 0, "", True, True),
    ],
)
async def test_a_page_has_the_message_in_its_middle_and_is_full(
    client: Client, services: Services, at: str, first: int | None, expected: str, previous: bool, following: bool
) -> None:
    conversation = await make_history(services, *"abcdefghij")
    around = (await ids(services, conversation.id))["abcdefghij".index(at)]
    page = await pages(client, id=conversation.id, around=around, first=first)
    assert contents(page) == expected
    info = page["pageInfo"]
    assert (info["hasPreviousPage"], info["hasNextPage"], page["totalCount"]) == (previous, following, 10)


async def test_its_cursors_lead_on_in_both_directions(client: Client, services: Services) -> None:
    conversation = await make_history(services, *"abcdefghij")
    around = (await ids(services, conversation.id))[5]
    info = (await pages(client, id=conversation.id, around=around, first=3))["pageInfo"]
    found = await client.run(NEIGHBOURS, id=conversation.id, before=info["startCursor"], after=info["endCursor"])
    assert contents(found["conversation"]["earlier"]) == "cd"
    assert contents(found["conversation"]["later"]) == "hi"


async def test_a_message_outside_the_path_has_its_place_there(client: Client, services: Services) -> None:
    conversation = await make_history(services, *"abcdef")
    inactive = (await ids(services, conversation.id))[3]
    history = [{"role": "user", "content": content} for content in "abcXYZ"]
    await services.chat_histories.replace_history(LOCAL_OWNER, conversation.id, history)
    page = await pages(client, id=conversation.id, around=inactive, first=3)
    assert contents(page) == "cXY"
    whole = await pages(client, id=conversation.id, around=inactive, first=3, all=True)
    assert contents(whole)[1] == "d"


async def test_what_is_no_message_of_the_conversation_is_said(client: Client, services: Services) -> None:
    conversation, other = await make_history(services, "a"), await make_history(services, "b")
    [elsewhere] = await ids(services, other.id)
    error = await client.fail(PAGE, id=conversation.id, around=elsewhere)
    assert error["extensions"]["code"] == "NOT_FOUND"
    [here] = await ids(services, conversation.id)
    error = await client.fail(PAGE, id=conversation.id, around=here, after="x")
    assert error["message"] == "Use `around` with `first` or alone, not with `after`, `last` or `before`."
    assert (await client.fail(PAGE, id=conversation.id, around=here, first=101))["extensions"]["code"] == (
        "BAD_USER_INPUT"
    )


async def test_a_page_far_into_a_long_conversation_reads_no_more_than_itself(
    client: Client, services: Services, statements: list[str]
) -> None:
    conversation = await make_history(services, *["x"] * 300)
    around = (await ids(services, conversation.id))[50]
    statements.clear()
    await pages(client, id=conversation.id, around=around, first=10)
    asked = [one for one in statements if "LIMIT" in one]
    assert len(asked) == 2
