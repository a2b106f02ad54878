"""Unexpected errors are logged, and masked for the client by a request id, over every transport."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from models import FailureCode
from services import Services
from services.characters import CharacterService
from services.engines import EngineError
from services.engines.asking import Models
from services.errors import InvalidCursor
from services.streaming.service import StreamService
from tests.conftest import serving
from tests.schema.endpoint.raw import exchange, post
from tests.support.client import Client, subscribe
from tests.support.makers import TestEngine, make_history

SECRET = "the password is swordfish"
WATCH = 'subscription { replyStream(conversationId: "x") { cursor } }'
PARTS = "multipart/mixed;subscriptionSpec=1.0"


class BrokenEngine(TestEngine):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def models(self) -> Any:
        raise self.error


class BrokenStreams(StreamService):
    """`early` breaks before there is a stream, otherwise it breaks at the first event."""

    def __init__(self, early: bool, error: Exception | None = None) -> None:
        self.early = early
        self.error = error or ValueError(SECRET)

    async def watch(self, *args: Any) -> Any:
        if self.early:
            raise self.error
        return self._events_()

    async def _events_(self) -> AsyncIterator[Any]:
        raise self.error
        yield

    async def settle(self) -> None:
        pass


def masked(error: dict[str, Any], log: pytest.LogCaptureFixture) -> None:
    assert error["message"] == "Internal server error"
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    [record] = [one for one in log.records if one.name == "repartee.graphql"]
    assert record.levelno == logging.ERROR
    assert error["extensions"]["requestId"] in record.getMessage()
    assert record.exc_info
    assert SECRET in str(record.exc_info[1])
    log.clear()


async def test_a_resolver_that_breaks_is_masked_and_logged(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(replace(services, models=Models(BrokenEngine(RuntimeError(SECRET))))) as client:
        answer = await client.post("{ models { name } }")
        assert answer["data"] is None
        assert answer["errors"][0]["path"] == ["models"]
        masked(answer["errors"][0], caplog)
        async for event in client.watch("{ models { name } }"):
            masked(event["errors"][0], caplog)
        async for event in client.watch_socket("{ models { name } }"):
            masked(event["errors"][0], caplog)
    assert SECRET not in json.dumps(answer)


@pytest.mark.parametrize("early", [True, False])
async def test_a_subscription_that_breaks_is_masked_and_logged(
    services: Services, caplog: pytest.LogCaptureFixture, early: bool
) -> None:
    async with serving(replace(services, streams=BrokenStreams(early))) as client:
        [event] = [event async for event in client.watch(WATCH)]
        masked(event["errors"][0], caplog)
        assert "data" not in event
        [event] = [event async for event in client.watch_socket(WATCH)]
        masked(event["errors"][0], caplog)
        answer = await post(client.url, {"query": WATCH}, PARTS)
        assert SECRET.encode() not in answer.body
        assert b'"Internal server error"' in answer.body


@pytest.mark.parametrize("early", [True, False])
async def test_a_refusal_keeps_its_code_between_events_too(services: Services, early: bool) -> None:
    streams = BrokenStreams(early, InvalidCursor("This cursor is too old.", "after"))
    async with serving(replace(services, streams=streams)) as client:
        for watch in (client.watch, client.watch_socket):
            [event] = [event async for event in watch(WATCH)]
            assert event["errors"][0]["message"] == "This cursor is too old."
            assert event["errors"][0]["extensions"]["code"] == "INVALID_CURSOR"


async def test_a_socket_lives_on_after_a_broken_operation(services: Services) -> None:
    async with serving(replace(services, streams=BrokenStreams(early=False))) as client:
        async with client.socket() as socket:
            for document, types in ((WATCH, ["error"]), ("{ __typename }", ["next", "complete"])):
                await socket.send(subscribe("1", document))
                assert [json.loads(await socket.recv())["type"] for _ in types] == types


async def test_an_engines_failure_is_readable(services: Services) -> None:
    failure = EngineError(FailureCode.ENGINE_UNAVAILABLE, "The engine cannot be reached.", retryable=True)
    async with serving(replace(services, models=Models(BrokenEngine(failure)))) as client:
        error = await client.fail("{ models { name } }")
    assert error["message"] == "The engine cannot be reached."
    assert error["extensions"] == {"code": "ENGINE_UNAVAILABLE", "isRetryable": True}


async def test_a_refusal_keeps_its_words_and_its_code(client: Client, services: Services) -> None:
    error = await client.fail("{ characters(first: 101) { id } }")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "101" in error["message"]
    conversation = await make_history(services, "One")
    error = await client.fail(
        'query ($id: ID!) { conversation(id: $id) { messagesConnection(after: "x") { totalCount } } }',
        id=conversation.id,
    )
    assert error["extensions"]["code"] == "INVALID_CURSOR"
    assert error["path"] == ["conversation", "messagesConnection"]


async def test_a_value_that_cannot_be_shown_is_ours_and_masked(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    class OddEngine(TestEngine):
        async def models(self) -> Any:
            return SECRET

    async with serving(replace(services, models=Models(OddEngine()))) as client:
        error = await client.fail("{ models { name } }")
        assert error["message"] == "Internal server error"
        assert SECRET not in json.dumps(error)


class Wrong:
    """Not what a loader should return; only the log may show what it is."""

    def __repr__(self) -> str:
        return SECRET


class WrongCharacters(CharacterService):
    def __init__(self) -> None:
        pass

    async def by_ids(self, owner: str, ids: Any) -> list[Any]:
        return [Wrong() for _ in ids]


@pytest.mark.parametrize(
    "fields, problem",
    [
        ('node(id: "char_x") { id }', "Abstract type 'Node' must resolve to an Object type"),
        ("conversations { character { id } }", "Expected value of type 'Character' but got"),
    ],
)
async def test_a_row_of_a_wrong_class_is_ours_masked_and_logged(
    services: Services, caplog: pytest.LogCaptureFixture, fields: str, problem: str
) -> None:
    await make_history(services, "One")
    # `serverInfo` keeps the database from answering without the service.
    document = f"{{ {fields} serverInfo {{ version }} }}"
    async with serving(replace(services, characters=WrongCharacters())) as client:
        for ask in (client.post, only(client.watch), only(client.watch_socket)):
            answer = await ask(document)
            [error] = answer["errors"]
            assert error["message"] == "Internal server error"
            [record] = [one for one in caplog.records if one.name == "repartee.graphql"]
            assert error["extensions"]["requestId"] in record.getMessage()
            assert record.exc_info
            assert problem in str(record.exc_info[1])
            assert SECRET not in json.dumps(answer)
            caplog.clear()


def only(watch: Any) -> Any:
    async def ask(document: str, **variables: Any) -> dict[str, Any]:
        [event] = [event async for event in watch(document, **variables)]
        return event

    return ask


# Valid documents whose variable is null where no null may be, which only their execution can find.
NULLS = [
    ("query ($x: Boolean = true) { __typename @include(if: $x) }", "if"),
    ("query ($x: Boolean = true) { characters { id @skip(if: $x) } }", "if"),
    ("query ($x: Boolean = true) { serverInfo { version @skip(if: $x) } }", "if"),
    ("query ($x: Int = 5) { characters(first: $x) { id } }", "first"),
    ("query ($x: ID = 5) { node(id: $x) { id } serverInfo { version } }", "id"),
    ("mutation ($x: ID = 5) { deleteCharacter(input: {characterId: $x}) { __typename } }", "input"),
    ("subscription ($x: ID = 5) { conversationChanged(conversationId: $x) { __typename } }", "conversationId"),
]


@pytest.mark.parametrize("document, argument", NULLS)
async def test_a_mistake_of_the_caller_is_never_ours(
    client: Client, services: Services, caplog: pytest.LogCaptureFixture, document: str, argument: str
) -> None:
    await make_history(services, "One")
    asks = [only(client.watch), only(client.watch_socket)]
    for ask in asks if document.startswith("subscription") else [client.post, *asks]:
        [error] = (await ask(document, x=None))["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert f"Argument '{argument}' has invalid value" in error["message"]
    assert not [one for one in caplog.records if one.name == "repartee.graphql"]


async def test_nothing_a_user_says_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await client.run(f'mutation {{ createCharacter(input: {{name: "{SECRET}"}}) {{ character {{ id }} }} }}')
    await client.post(f'{{ node(id: "{SECRET}") {{ nothing }} }}')
    await exchange(client.url, "GET", path=f"/graphql?query=%7B{SECRET.replace(' ', '_')}%7D")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("repartee")]
    assert "swordfish" not in "".join(ours)
