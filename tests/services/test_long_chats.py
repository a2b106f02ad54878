"""A conversation of 10,000 messages is read and appended to like one of 10: by index, never by scanning."""

import pytest
from sqlalchemy import text

from models import LOCAL_OWNER, Database, everyone
from services import Services
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from tests.support.makers import make_conversation, make_history


@pytest.mark.sqlite
async def test_appending_and_reading_never_scan_the_messages(
    services: Services, database: Database, statements: list[str]
) -> None:
    conversation = await make_history(services, *(f"message {n}" for n in range(300)))
    statements.clear()
    await services.replies.send(LOCAL_OWNER, conversation.id, "Hi", None, ReplyOptions(ReplyMode.NONE))
    await services.messages.path_pages(LOCAL_OWNER, [conversation.id], PageArguments(last=50))
    await services.messages.path_page(LOCAL_OWNER, conversation.id, PageArguments(last=50))
    await services.messages.active_replies(LOCAL_OWNER, [conversation.id])
    asked = [one for one in statements if "messages" in one and not one.startswith(("BEGIN", "PRAGMA"))]
    assert len(asked) == 5
    async with database.read(everyone()) as session:
        connection = await session.connection()
        for statement in asked:
            blank = tuple("x" for _ in range(statement.count("?")))
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", blank)
            steps = [row[3] for row in plan]
            assert not [step for step in steps if "SCAN messages" in step], (statement, steps)


@pytest.mark.sqlite
async def test_the_last_page_is_found_by_its_positions(services: Services, database: Database) -> None:
    conversation = await make_history(services, *(f"message {n}" for n in range(300)))
    [page] = await services.messages.path_pages(LOCAL_OWNER, [conversation.id], PageArguments(last=3))
    assert [message.content for message in page.nodes] == ["message 297", "message 298", "message 299"]
    assert (page.has_previous, page.has_next) == (True, False)
    query = """EXPLAIN QUERY PLAN SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id
        WHERE c.id IN ('x') AND m.owner = 'y' AND m.active = 1 AND m.position >= c.message_count - 3"""
    async with database.read(everyone()) as session:
        steps = [row[3] for row in await session.execute(text(query))]
    assert any(
        "uq_messages_active_path (conversation_id=? AND owner=? AND position>?)" in step for step in steps
    ), steps


@pytest.mark.parametrize("size", [1500])
async def test_a_deep_conversation_can_be_deleted(size: int, services: Services, database: Database) -> None:
    conversation = await make_history(services, *("x" for _ in range(size)))
    await services.conversations.delete(LOCAL_OWNER, conversation.id)
    another = await make_history(services, *("x" for _ in range(size)))
    await services.characters.delete(LOCAL_OWNER, another.character_id)
    third = await make_conversation(services)
    await services.chat_histories.replace_history(LOCAL_OWNER, third.id, [{"role": "user", "content": "x"}] * size)
    [page] = await services.messages.path_pages(LOCAL_OWNER, [third.id], PageArguments(first=1))
    gone, after = await services.messages.delete(LOCAL_OWNER, page.nodes[0].id)
    assert (len(gone), after.message_count) == (size, 0)
    await services.housekeeping.finish_deletions()
    async with database.read(everyone()) as session:
        assert (await session.execute(text("SELECT count(*) FROM messages"))).scalar() == 0
