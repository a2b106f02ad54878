"""Event writers make the bytes that graphql-core would make, or leave the event to it."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from models import Conversation, Failure, FailureCode, FinishReason, Generation, Status, TitleSource, new_key
from resolvers.context import Context
from schema import schema
from schema.endpoint.documents.limits import Limits
from schema.endpoint.documents.trusted import Documents
from schema.endpoint.execution.operations import GraphQLRequest, Operations
from schema.endpoint.execution.results import Operation
from services import Services
from services.access.identity import LOCAL
from services.broker.texts import StoredText
from services.streaming.changes import ConversationChange
from services.streaming.events import (
    AsOf,
    ReplyDelta,
    ReplyFailed,
    ReplyFinished,
    ReplySnapshot,
    ReplyStarted,
)

ODD = 'a"\\\u2028\x01é😀'
_COMMON = {"cursor": "AQ", "message_id": "msg_1", "as_of": AsOf(StoredText(ODD), 3, Status.STREAMING, 7)}
REPLY_EVENTS = [
    ReplyStarted(**_COMMON, content=ODD),
    ReplyDelta(**_COMMON, offset=2**31 - 1, delta=ODD),
    ReplySnapshot(**_COMMON, content=""),
    *(ReplyFinished(**_COMMON, finish_reason=reason) for reason in FinishReason),
    *(ReplyFailed(**_COMMON, failure=Failure(code, ODD, True, 3)) for code in FailureCode),
    ReplyFailed(**_COMMON, failure=Failure(FailureCode.INTERNAL, "", False)),
]
_NOW = datetime(2026, 1, 2, 3, 4, 5, 999_999, UTC)
CONVERSATION = Conversation(
    id=new_key("conv"),
    title=ODD,
    title_source=TitleSource.USER,
    topic=None,
    context=ODD,
    generation=Generation(temperature=0.30000000000000004, seed=7),
    version=3,
    history_version=9,
    message_count=0,
    active_at=_NOW,
    created_at=_NOW,
    updated_at=_NOW,
)
CHANGES = [ConversationChange(CONVERSATION), ConversationChange(None, CONVERSATION.id)]

# The plain fields of each type; a text is the selection of a field's own.
_FAILURE = dict.fromkeys(("__typename", "code", "message", "isRetryable", "retryAfterSeconds"), "")
_EVENT = {"__typename": "", "cursor": "", "messageId": ""}
FIELDS: dict[str, dict[str, Any]] = {
    "ReplyEvent": _EVENT,
    "ReplyStarted": {**_EVENT, "content": ""},
    "ReplyDelta": {**_EVENT, "offset": "", "delta": ""},
    "ReplySnapshot": {**_EVENT, "content": ""},
    "ReplyFinished": {**_EVENT, "finishReason": ""},
    "ReplyFailed": {**_EVENT, "failure": _FAILURE},
    "ConversationChange": {
        "__typename": "",
        "deletedConversationId": "",
        "conversation": {
            **dict.fromkeys(("__typename", "id", "title", "titleSource", "topic", "context", "version"), ""),
            **dict.fromkeys(("historyVersion", "messageCount", "activeAt", "createdAt", "updatedAt"), ""),
            "generation": dict.fromkeys(("__typename", "model", "temperature", "topP", "maxTokens", "seed"), ""),
        },
    },
}
REPLY_TYPES = [kind for kind in FIELDS if kind not in ("ReplyEvent", "ConversationChange")]
ROOTS = {"ReplyEvent": "replyStream", "ConversationChange": "conversationChanged"}


class Generator:
    """Random selections: aliases, equal keys, and fragments on the type, its interface and the other types."""

    def __init__(self, seed: int, kind: str) -> None:
        self._random = random.Random(seed)
        self._fragments: list[str] = []
        root = ROOTS[kind]
        selected = self._selection(FIELDS[kind], kind)
        key = self._random.choice(["", "alias: "])
        self.text = f'subscription {{ {key}{root}(conversationId: "c") {selected} }} ' + " ".join(self._fragments)

    def _selection(self, fields: dict[str, Any], kind: str = "") -> str:
        parts = [self._field(fields) for _ in range(self._random.randint(1, 5))]
        if kind:
            parts += [self._fragment(kind) for _ in range(self._random.randint(0, 4))]
        self._random.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def _field(self, fields: dict[str, Any]) -> str:
        name = self._random.choice(list(fields))
        # An alias tells the field, so that equal keys always mean equal fields.
        key = self._random.choice(["", f"{name}_{self._random.randint(1, 2)}: "]) if name != "__typename" else ""
        return key + name + (f" {self._selection(fields[name])}" if fields[name] else "")

    def _fragment(self, kind: str) -> str:
        # A fragment on a type that the event can never be would be refused.
        others = ["ReplyEvent"] if kind in REPLY_TYPES else REPLY_TYPES if kind == "ReplyEvent" else []
        kinds = [kind, *others]
        on = self._random.choice(kinds)
        selected = self._selection(FIELDS[on], on if self._random.random() < 0.2 else "")
        if self._random.random() < 0.5:
            return f"... on {on} {selected}"
        name = f"F{len(self._fragments)}"
        self._fragments.append(f"fragment {name} on {on} {selected}")
        return f"...{name}"


@pytest.fixture
def operations(services: Services) -> Operations:
    limits = replace(Limits.of(services.settings), aliases=1000)
    return Operations(schema, limits, Documents({}, False), lambda caller: Context(services, caller))


def prepared(operations: Operations, text: str, **variables: Any) -> Operation:
    operation = operations.prepare(GraphQLRequest(text, variables), LOCAL)
    assert isinstance(operation, Operation)
    return operation


@pytest.mark.parametrize("kind, events", [("ReplyEvent", REPLY_EVENTS), ("ConversationChange", CHANGES)])
async def test_every_random_selection_is_written_as_graphql_core_writes_it(
    operations: Operations, kind: str, events: list[Any]
) -> None:
    for seed in range(100):
        text = Generator(seed, kind).text
        operation = prepared(operations, text)
        for event in events:
            written, executed = operation._written(event), await operation._executed(event)
            assert written is not None, text
            assert orjson.dumps(written) == orjson.dumps(executed), text


EVENT = REPLY_EVENTS[1]


async def test_an_event_is_written_once_for_all_who_select_the_same(operations: Operations) -> None:
    one, two = (prepared(operations, Generator(1, "ReplyEvent").text) for _ in range(2))
    assert one.writer is two.writer
    assert one.writer is not None
    assert one.writer.data(EVENT) is two.writer.data(EVENT)


@pytest.mark.parametrize(
    "selected",
    [
        "message { content }",
        "... on ReplyDelta { message { id } }",
        "cursor @include(if: $flag)",
        "... @skip(if: true) { cursor }",
        "...F",
    ],
)
async def test_what_is_more_than_attributes_is_left_to_graphql_core(operations: Operations, selected: str) -> None:
    text = f"""subscription ($flag: Boolean! = true) {{ replyStream(conversationId: "c", untilDone: $flag) {{
        cursor {selected} }} }} """
    if selected == "...F":
        text += "fragment F on ReplyEvent { messageId @skip(if: $flag) }"
    operation = prepared(operations, text)
    assert operation._written(EVENT) is None
    answer = orjson.loads(orjson.dumps(await operation._executed(EVENT)))
    assert answer["data"]["replyStream"]["cursor"] == "AQ"


async def test_a_value_that_does_not_fit_its_type_is_left_to_graphql_core(operations: Operations) -> None:
    operation = prepared(
        operations,
        'subscription { replyStream(conversationId: "c") { cursor ... on ReplyDelta { offset delta } } }',
    )
    large, missing = ReplyDelta(**_COMMON, offset=2**31, delta=""), ReplyDelta(**_COMMON, offset=0, delta=None)
    for event in (large, missing, ReplyDelta(**_COMMON, offset=0, delta="\ud800")):
        assert operation._written(event) is None
    assert (await operation._executed(large))["errors"]


async def test_a_mutation_has_no_event_writer(operations: Operations) -> None:
    assert prepared(operations, "mutation { __typename }").writer is None
