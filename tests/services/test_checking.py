"""Texts from outside: how they are folded, and what a forged cursor or a row of a newer version can do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, bindparam, text

from models import LOCAL_OWNER, Character, Database, Failure, FailureCode, FinishReason, Status
from services import Services, checking
from services.conversations import ConversationOrder, Listing
from services.errors import InvalidCursor
from services.paging import Order, PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from tests.support.database import execute
from tests.support.makers import TestEngine, make_character, make_conversation


@given(st.text(max_size=300))
def test_folding_a_folded_text_changes_nothing(value: str) -> None:
    folded = checking.fold(value)
    assert checking.fold(folded) == folded
    assert len(folded) <= checking.NAME_LENGTH


@pytest.mark.parametrize(
    ("value", "folded"),
    [("𝐀da", "ada"), ("ADA", "ada"), ("İSTANBUL", "istanbul"), ("Straße", "strasse"), ("ﬁ", "fi"), ("ı", "i")],
)
def test_a_name_is_found_however_it_is_written(value: str, folded: str) -> None:
    assert checking.fold(value) == folded


def test_a_letter_that_folds_to_many_does_not_grow_past_the_limit() -> None:
    assert len(checking.fold("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 200)) == checking.NAME_LENGTH


def forged(cursor: str, *values: object) -> str:
    """Return a cursor of the same list with another sort key."""
    tag, parent, *_ = json.loads(bytes.fromhex(cursor))
    return json.dumps([tag, parent, *values]).encode().hex()


async def test_a_forged_cursor_is_refused(services: Services) -> None:
    character = await make_character(services)
    await services.conversations.create(LOCAL_OWNER, character.id, {"title": "a"})
    for order, values in (
        (ConversationOrder.ACTIVE_DESC, ("0001-01-01T00:00:00+14:00", "0" * 32)),
        (ConversationOrder.ACTIVE_DESC, (5, "0" * 32)),
        (ConversationOrder.TITLE_ASC, ("a\0b", "0" * 32)),
        (ConversationOrder.TITLE_ASC, ("\ud800", "0" * 32)),
        (ConversationOrder.TITLE_ASC, ("a", "conv_" + "0" * 32)),
        (ConversationOrder.TITLE_ASC, ("a",)),
    ):
        page = await services.conversations.page(LOCAL_OWNER, Listing(order), PageArguments(first=1))
        with pytest.raises(InvalidCursor):
            await services.conversations.page(
                LOCAL_OWNER, Listing(order), PageArguments(first=1, after=forged(page.cursors[0], *values))
            )
    conversation = await make_conversation(services, character)
    await services.replies.send(LOCAL_OWNER, conversation.id, "Hi", None, ReplyOptions(ReplyMode.NONE))
    path = await services.messages.path_page(LOCAL_OWNER, conversation.id, PageArguments(first=1))
    for position in (1 << 31, -(1 << 40), 1 << 70, True, "1"):
        with pytest.raises(InvalidCursor):
            await services.messages.path_page(
                LOCAL_OWNER, conversation.id, PageArguments(first=1, after=forged(path.cursors[0], position))
            )


def test_rows_sort_as_the_database_sorts_them() -> None:
    rows = [Character(name_folded=name, id=f"char_{n}") for n, name in enumerate(["b", "a", "ç", "a", "Z"])]
    order = Order("x", (Character.name_folded, Character.id))
    assert [row.id for row in order.sort(rows)] == ["char_4", "char_1", "char_3", "char_0", "char_2"]
    assert [row.id for row in order.sort(rows, backward=True)] == [
        "char_2",
        "char_0",
        "char_3",
        "char_1",
        "char_4",
    ]


async def test_a_row_of_a_newer_version_can_be_read(
    services: Services, database: Database, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    engine.answer("Hi.")
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "Hello", None, ReplyOptions())
    failure = {"code": "MODEL_MOVED", "message": "m", "retryable": True, "hint": "h"}
    newer = "UPDATE messages SET status = 'PAUSED', finish_reason = 'TOOL_CALLS', failure = :failure"
    await execute(
        database,
        text(newer).bindparams(bindparam("failure", failure, type_=JSON)),
        text('UPDATE characters SET generation = \'{"min_p": 0.1, "temperature": 0.5}\''),
    )
    [seen] = await services.messages.by_ids(LOCAL_OWNER, [sent.reply.id])
    assert (seen.message.status, seen.message.finish_reason) == (Status.COMPLETED, FinishReason.END)
    assert seen.message.failure == Failure(FailureCode.INTERNAL, "m", True)
    [character] = await services.characters.by_ids(LOCAL_OWNER, [conversation.character_id])
    assert character.generation.temperature == 0.5
