"""A message is stored by the same few statements, however long its conversation is."""

from collections.abc import AsyncIterator
from itertools import takewhile
from pathlib import Path

import pytest
from sqlalchemy import select

from models import LOCAL_OWNER, Database, Message
from services import Services, runs
from services.replies.options import ReplyMode, ReplyOptions
from services.runs import RunKey
from services.settings import Settings
from tests.support.crowd import MESSAGES, lengthen
from tests.support.makers import make_history, until
from tests.support.owners import rows, without_housekeeping

READ = ["BEGIN IMMEDIATE", "SELECT conversations"]
STORED = ["INSERT messages", "INSERT message_texts"]
COUNTED = ["UPDATE characters", "UPDATE conversations"]
EXPECTED = {
    ReplyMode.NONE: [*READ, *STORED, *COUNTED],
    ReplyMode.BACKGROUND: [*READ, *STORED, "INSERT runs", *COUNTED],
}


@pytest.fixture
async def quiet(settings: Settings, database: Database) -> AsyncIterator[Services]:
    """Services that only do what they are asked, so that no round of theirs adds statements."""
    services = without_housekeeping(settings, database)
    yield services
    await services.close()


def named(statement: str) -> str:
    """Return a statement's verb and its first table."""
    verb, table = statement.replace("INTO ", "").split()[:2]
    return f"{verb} {table.partition('.')[0]}"


async def append(services: Services, id: str, mode: ReplyMode) -> Message:
    sent = await services.replies.send(LOCAL_OWNER, id, "Hi", None, ReplyOptions(mode))
    assert sent.message is not None
    return sent.message


async def finish(services: Services) -> None:
    """Wait for the end of the reply, so that nothing runs beside what is counted next."""
    await until(lambda: not services.writer.keys)


@pytest.mark.parametrize("length", [10, MESSAGES])
@pytest.mark.sqlite
async def test_a_message_is_stored_by_the_same_few_statements_at_any_length(
    length: int,
    quiet: Services,
    database: Database,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.replies.leases.FRESH_SECONDS", 3600)
    id = (await make_history(quiet, *["x"] * 10)).id
    lengthen(Path(str(database.url.database)), id, length)
    await append(quiet, id, ReplyMode.BACKGROUND)
    await finish(quiet)
    positions = []
    for mode, expected in EXPECTED.items():
        statements.clear()
        positions.append((await append(quiet, id, mode)).position)
        # The reply's prompt is read beside this test.
        stored = takewhile(lambda one: named(one) != "SELECT characters", statements)
        assert [named(one) for one in stored] == expected
    assert positions == [length + 2, length + 3]
    await finish(quiet)


async def test_a_message_is_the_one_selected_where_the_history_was_cut_before(
    quiet: Services, database: Database
) -> None:
    cut = await make_history(quiet, "Who are you?", "Ada.", "And?")
    await quiet.chat_histories.replace_history(LOCAL_OWNER, cut.id, [{"role": "user", "content": "Who are you?"}])
    message = await append(quiet, cut.id, ReplyMode.NONE)
    siblings = select(Message.content, Message.selected).where(Message.parent_id == message.parent_id)
    async with database.read(LOCAL_OWNER) as session:
        found = {(content, selected) for content, selected in await session.execute(siblings)}
    assert found == {("Ada.", False), ("Hi", True)}


@pytest.mark.sqlite
async def test_an_end_is_stored_by_seven_statements(quiet: Services, statements: list[str]) -> None:
    await append(quiet, (await make_history(quiet, "x")).id, ReplyMode.BACKGROUND)
    await finish(quiet)
    ended = statements[len(statements) - statements[::-1].index("BEGIN IMMEDIATE") :]
    changed = [*COUNTED, "UPDATE messages", "UPDATE runs", "INSERT message_texts"]
    assert [named(one) for one in ended] == ["SELECT conversations", *changed]


@pytest.mark.sqlite
async def test_a_run_that_has_ended_is_not_ended_again(quiet: Services, database: Database) -> None:
    id = (await make_history(quiet, "x")).id
    sent = await quiet.replies.send(LOCAL_OWNER, id, "Hi", None, ReplyOptions(ReplyMode.BACKGROUND))
    await finish(quiet)
    assert sent.run is not None
    assert sent.reply is not None
    key, before = RunKey(id, sent.run), rows(database)
    assert not await database.write(LOCAL_OWNER, lambda session: runs.end(session, key, runs.STOPPED, "Late."))
    assert rows(database) == before


async def test_the_lease_is_renewed_for_a_reply_only_when_it_is_not_fresh(
    quiet: Services, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = (await make_history(quiet, "x")).id
    begun = []
    for fresh in (1.0, 3600.0, -1.0):
        monkeypatch.setattr("services.replies.leases.FRESH_SECONDS", fresh)
        statements.clear()
        await append(quiet, id, ReplyMode.BACKGROUND)
        begun.append([named(one) for one in statements if "writers" in one])
        await finish(quiet)
    assert begun == [["INSERT writers"], [], ["INSERT writers"]]
