"""Databases of the later generation."""

from pathlib import Path

from sqlalchemy import select

from models import Database, Message, everyone
from services.legacy.sessions import name_in
from tests.services.legacy.conftest import Old
from tests.services.legacy.old_files import MESSAGES, SESSIONS, legacy_db, packed, sessions_db, user, write


async def test_sessions_with_one_prompt_share_a_character(old: Old, tmp_path: Path) -> None:
    await old.bring(sessions_db(tmp_path / "new.db"))
    ada = await old.character("You are Ada.")
    assert ada.system_prompt == "You are Ada.\nBe short."
    histories = await old.histories(ada)
    assert list(histories) == ["First", "Second"]
    assert [item["content"] for item in histories["First"]] == ["Hi", "Summary so far", "Hello.", "6"]
    assert [item["role"] for item in histories["First"]] == ["user", "system", "assistant", "tool"]
    assert await old.histories(await old.character("Assistant")) == {"Previous conversation": []}


async def test_hidden_messages_models_and_times_have_their_columns(
    old: Old, database: Database, tmp_path: Path
) -> None:
    entry = await old.entry(sessions_db(tmp_path / "new.db"), "You are Ada.")
    assert entry.hidden == 2
    async with database.read(everyone()) as session:
        rows = (await session.scalars(select(Message).order_by(Message.id))).all()[:4]
    assert [row.hidden for row in rows] == [False, True, False, True]
    assert [row.model for row in rows] == [None, None, "model-1", None]
    assert [row.created_at and row.created_at.second for row in rows] == [0, 1, 2, 3]
    assert rows[2].extra == {
        "message_id": 2,
        "tool_calls": [{"name": "dice"}],
        "message_metadata": {"z": 1, "a": 2},
    }


async def test_a_session_that_is_gone_keeps_its_messages(old: Old, tmp_path: Path) -> None:
    said = {"session_id": "gone", "message_role": "user", "message_content": "Hi", "message_index": 0}
    entry = await old.entry(write(tmp_path / "a.db", [SESSIONS, MESSAGES], messages=[said]), "Assistant")
    assert (entry.messages, entry.summary()["repaired"]) == (1, {"orphan": 1})


async def test_one_database_may_hold_both_generations(old: Old, tmp_path: Path) -> None:
    path = legacy_db(tmp_path / "a.db", [{"id": 1, "name": "A", "chat_history": packed([user("old")])}])
    said = {"session_id": "s", "message_role": "user", "message_content": "new"}
    write(path, [SESSIONS, MESSAGES], sessions=[{"session_id": "s", "system_prompt": "B"}], messages=[said])
    [source] = (await old.bring(path)).sources
    assert source.forms == ["legacy-db", "sessions-db"]
    assert {entry.name: entry.messages for entry in source.entries.values()} == {"A": 1, "B": 1}


def test_a_name_is_how_the_prompt_begins() -> None:
    assert name_in("\n  You are Ada.\nMore") == "You are Ada."
    assert name_in("") == "Assistant"
    assert name_in("You are an assistant that answers questions, and nothing else whatsoever.") == (
        "You are an assistant that answers questions, and nothing…"
    )
    assert len(name_in("x" * 100)) == 60


async def test_ids_and_texts_that_are_blobs_are_read(old: Old, tmp_path: Path) -> None:
    said = {"session_id": b"\xff", "message_role": "user", "message_content": "İyi".encode()}
    sessions = [{"session_id": b"\xff", "session_name": "S", "system_prompt": "A"}]
    path = write(tmp_path / "a.db", [SESSIONS, MESSAGES], sessions=sessions, messages=[said])
    entry = await old.entry(path, "A")
    # The text, and the id twice: as the export's own and as the session's.
    assert entry.summary()["repaired"] == {"binary": 3}
    [history] = (await old.histories(await old.character("A"))).values()
    assert (history[0]["role"], history[0]["content"]) == ("user", "İyi")
    assert [source.status for source in (await old.bring(path)).sources] == ["unchanged"]
