"""A search as clients make it: pages, marks in snippets, and errors that say what to do."""

import threading
from collections.abc import Sequence

import pytest

from resolvers.searches import THREAD_LENGTH
from services import Services
from services.search import snippets
from tests.support.client import Client
from tests.support.makers import make_history

SEARCH = """query($query: String!, $conversation: ID, $first: Int! = 20, $after: String) {
    searchMessages(query: $query, conversationId: $conversation, first: $first, after: $after) {
        isComplete pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor snippet ranges { start end } node { content conversation { id } } }
    }
}"""


async def test_a_search_gives_messages_with_the_words_marked_in_pages(client: Client, services: Services) -> None:
    conversation = await make_history(services, "Eine Straße 🎉", "Viele STRASSEN 🎉 strasse", "Nichts")
    page = (await client.run(SEARCH, query="strasse 🎉", first=1))["searchMessages"]
    [newest] = page["edges"]
    assert newest["node"] == {"content": "Viele STRASSEN 🎉 strasse", "conversation": {"id": conversation.id}}
    assert newest["ranges"] == [{"start": 6, "end": 13}, {"start": 15, "end": 17}, {"start": 18, "end": 25}]
    assert page["isComplete"] is True
    cursors = {"startCursor": newest["cursor"], "endCursor": newest["cursor"]}
    assert page["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, **cursors}
    rest = (await client.run(SEARCH, query="strasse 🎉", after=newest["cursor"]))["searchMessages"]
    assert [edge["snippet"] for edge in rest["edges"]] == ["Eine Straße 🎉"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)


@pytest.mark.parametrize(
    ("variables", "code", "message"),
    [
        ({"query": ' "" '}, "BAD_USER_INPUT", "The query must contain a word to search for."),
        ({"query": "x" * 201}, "BAD_USER_INPUT", "Too long: 201 characters; the limit is 200."),
        ({"query": " ".join("abcdefghijk")}, "BAD_USER_INPUT", "Too many words: 11; the limit is 10."),
        ({"query": "a", "first": 101}, "BAD_USER_INPUT", "first must be between 0 and 100; got 101."),
        ({"query": "a", "after": "x"}, "INVALID_CURSOR", "This is not a cursor."),
    ],
)
async def test_a_search_that_cannot_be_is_refused_in_words(
    variables: dict[str, object], code: str, message: str, client: Client
) -> None:
    error = await client.fail(SEARCH, **variables)
    assert (error["extensions"]["code"], error["message"]) == (code, message)


@pytest.mark.parametrize(("length", "is_elsewhere"), [(100, False), (THREAD_LENGTH, True)])
async def test_long_messages_hold_up_nobody_else(
    client: Client, services: Services, monkeypatch: pytest.MonkeyPatch, length: int, is_elsewhere: bool
) -> None:
    """Their snippets are made in another thread than the event loop's."""
    threads, here, make = [], threading.get_ident(), snippets.snippet

    def noting(text: str, words: Sequence[str]) -> snippets.Snippet:
        threads.append(threading.get_ident())
        return make(text, words)

    monkeypatch.setattr(snippets, "snippet", noting)
    await make_history(services, "x" * length + " umbrella")
    found = await client.run('{ searchMessages(query: "umbrella") { edges { snippet } } }')
    assert found["searchMessages"]["edges"][0]["snippet"].endswith("umbrella")
    assert [one != here for one in threads] == [is_elsewhere]
