"""The old program's database, with every oddity of real data."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from models import Conversation, Database, Message, Role, TitleSource, everyone
from tests.services.legacy.conftest import Old
from tests.services.legacy.old_files import (
    ADA,
    CHARACTERS,
    CONVERSATIONS,
    ODD,
    TALK,
    TOOLS,
    add,
    legacy_db,
    old_db,
    packed,
    user,
    write,
)


async def test_both_places_of_history_are_imported_in_order(old: Old, tmp_path: Path) -> None:
    await old.bring(old_db(tmp_path / "old.db"))
    histories = await old.histories(await old.character("Ada"))
    assert histories == {"Previous conversation (2025-05-18)": ADA, "Başlık": TALK, "New Conversation": []}


async def test_fields_go_where_they_belong(old: Old, tmp_path: Path) -> None:
    await old.bring(old_db(tmp_path / "old.db"))
    ada = await old.character("Ada")
    assert (ada.description, ada.personality) == ("Küçük bir köyde doğdu.", "kind\n")
    assert ada.created_at.isoformat() == "2025-05-18T04:35:40.563516+00:00"
    assert (ada.extra["wiki_info"], ada.extra["use_agentic"]) == ("wiki", True)


async def test_tool_blocks_are_cut_and_the_original_is_kept(old: Old, tmp_path: Path) -> None:
    entry = await old.entry(old_db(tmp_path / "old.db"), "Ada")
    ada = await old.character("Ada")
    assert ada.system_prompt == "You are Ada."
    assert ada.extra["prompt"] == "You are Ada." + TOOLS + TOOLS
    assert entry.summary()["repaired"] == {"tool block": 2}


async def test_nothing_in_any_disguise_is_no_history(old: Old, tmp_path: Path) -> None:
    await old.bring(old_db(tmp_path / "old.db"))
    assert [len(await old.histories(await old.character(name))) for name in ("Null", "Empty", "Twice")] == [
        1,
        0,
        0,
    ]
    assert await old.histories(await old.character("Null")) == {"Previous conversation": []}


async def test_text_encoded_twice_is_read_and_other_roles_come_back(
    old: Old, database: Database, tmp_path: Path
) -> None:
    entry = await old.entry(old_db(tmp_path / "old.db"), "Coded")
    assert entry.summary()["repaired"] == {"encoded twice": 1, "other role": 2}
    [history] = (await old.histories(await old.character("Coded"))).values()
    assert history == ODD
    assert packed(history[0]["later"]) == packed(ODD[0]["later"])
    async with database.read(everyone()) as session:
        first = select(Message.conversation_id).where(Message.content == "Be kind.").scalar_subquery()
        path = select(Message.role).where(Message.conversation_id == first).order_by(Message.position)
        stored = list(await session.scalars(path))
    assert stored == [Role.SYSTEM, Role.ASSISTANT, Role.ASSISTANT, Role.USER]


async def test_no_times_are_invented(old: Old, database: Database, tmp_path: Path) -> None:
    await old.bring(old_db(tmp_path / "old.db"))
    async with database.read(everyone()) as session:
        assert set(await session.scalars(select(Message.created_at))) == {None}
        own = await session.scalar(
            select(Conversation).where(Conversation.title.startswith("Previous conversation ("))
        )
    assert own is not None
    assert own.title_source is TitleSource.IMPORTED
    assert own.active_at.isoformat() == "2025-06-01T10:00:00+00:00"


async def test_imported_messages_are_one_path(old: Old, database: Database, tmp_path: Path) -> None:
    await old.bring(
        legacy_db(tmp_path / "a.db", [{"id": 1, "name": "A", "chat_history": packed([user("x")] * 2500)}])
    )
    async with database.read(everyone()) as session:
        rows = (await session.scalars(select(Message).order_by(Message.position))).all()
        conversation = (await session.scalars(select(Conversation))).one()
    assert [row.position for row in rows] == list(range(2500))
    assert conversation.message_count == 2500
    assert [row.parent_id for row in rows] == [None, *(row.id for row in rows[:-1])]
    assert all(row.active and row.selected for row in rows)


async def test_error_texts_are_kept_and_counted(old: Old, tmp_path: Path) -> None:
    said = [*TALK, {"role": "assistant", "content": "Bir hata oluştu: x"}, user("An error occurred? No.")]
    entry = await old.entry(
        legacy_db(tmp_path / "a.db", [{"id": 1, "name": "A", "chat_history": packed(said)}]), "A"
    )
    assert (entry.messages, entry.tally.error_texts) == (5, 2)


async def test_columns_are_looked_at_never_assumed(old: Old, tmp_path: Path) -> None:
    schema = "CREATE TABLE Characters (Id INTEGER PRIMARY KEY, NAME TEXT, Prompt TEXT, mood TEXT, face BLOB)"
    rows = [{"Id": 1, "NAME": "A", "Prompt": "p", "mood": "good", "face": b"\xff\x00"}]
    await old.bring(write(tmp_path / "a.db", [schema], Characters=rows))
    character = await old.character("A")
    assert (character.system_prompt, character.extra["mood"], character.extra["face"]) == ("p", "good", "/wA=")


async def test_a_conversation_without_its_character_is_kept(old: Old, tmp_path: Path) -> None:
    path = legacy_db(tmp_path / "a.db", [], [{"id": 1, "character_id": 7, "chat_history": packed([user("Hi")])}])
    entry = await old.entry(path, "Character 7")
    assert (entry.conversations, entry.summary()["repaired"]) == (1, {"orphan": 1})


async def test_what_is_no_history_is_skipped_and_its_character_kept(old: Old, tmp_path: Path) -> None:
    path = legacy_db(
        tmp_path / "a.db",
        [{"id": 1, "name": "A", "chat_history": "no json"}],
        [
            {"id": 3, "character_id": 1, "chat_history": '{"a": 1}'},
            {"id": 4, "character_id": 1, "chat_history": "[1, 2]"},
        ],
    )
    report = await old.bring(path)
    [entry] = report.entries
    assert (entry.new_characters, entry.conversations, entry.messages, report.code) == (1, 1, 0, 1)
    assert entry.summary()["skipped"] == [
        {"reason": "the history is not JSON", "first": "the history kept in the character", "count": 1},
        {"reason": "the history is not a list", "first": "conversation 3", "count": 1},
        {"reason": "a message is not a JSON object", "first": "message 1", "count": 2},
    ]
    assert (await old.bring(path)).code == 1


async def test_what_is_no_utf8_is_repaired_and_counted(old: Old, tmp_path: Path) -> None:
    cell = packed([user("good"), user("b@d"), user("n\0l")]).encode().replace(b"@", b"\xff")
    path = write(tmp_path / "a.db", [CHARACTERS])
    with closing(sqlite3.connect(path)) as connection:
        add(connection, "characters", [{"id": 1, "name": "A"}])
        connection.execute("UPDATE characters SET chat_history = CAST(? AS TEXT)", (cell,))
        connection.commit()
    entry = await old.entry(path, "A")
    assert entry.summary()["repaired"] == {"NUL": 1, "lone surrogate": 1}
    [history] = (await old.histories(await old.character("A"))).values()
    assert [item["content"] for item in history] == ["good", "b\ufffdd", "n\ufffdl"]


async def test_the_source_is_left_as_it_is(old: Old, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    path = old_db(folder / "old.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    before = path.read_bytes()
    assert (await old.bring(folder)).code == 0
    assert [each.name for each in folder.iterdir()] == ["old.db"]
    assert path.read_bytes() == before


async def test_what_is_still_in_the_write_ahead_log_comes_along(old: Old, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    path = write(folder / "old.db", [CHARACTERS])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        add(connection, "characters", [{"id": 1, "name": "Fresh"}])
        connection.commit()
        report = await old.bring(folder)
    assert [entry.name for entry in report.entries] == ["Fresh"]
    assert len(report.sources) == 1


@pytest.mark.sqlite
async def test_databases_of_other_programs_are_named(old: Old, database: Database, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    report = await old.bring(other, Path(str(database.url.database)))
    assert [source.problem for source in report.sources] == [
        "this is a database of another program (its tables: bookmarks)",
        "this is a database of Repartee itself; nothing needs to be imported from it",
    ]
    assert report.code == 2


async def test_ids_that_are_blobs_are_repaired_and_known_again(old: Old, tmp_path: Path) -> None:
    tables = [statement.replace("INTEGER PRIMARY KEY", "BLOB") for statement in (CHARACTERS, CONVERSATIONS)]
    conversation = {"id": b"\x01\xff", "character_id": b"\xff", "title": "T", "chat_history": packed(TALK)}
    path = write(
        tmp_path / "a.db",
        tables,
        characters=[{"id": b"\xff", "name": "A", "chat_history": packed(ADA)}],
        conversations=[conversation, conversation | {"id": b"\x02", "character_id": b"\xfe"}],
    )
    report = await old.bring(path)
    assert {entry.name: entry.conversations for entry in report.entries} == {"A": 2, "Character /g==": 1}
    # Of the own history its row; of a conversation its row and its character; of the lost character the name.
    assert report.total().summary()["repaired"] == {"binary": 1 + 2 + 2 + 1, "orphan": 1}
    assert await old.histories(await old.character("A")) == {"Previous conversation": ADA, "T": TALK}
    assert [source.status for source in (await old.bring(path)).sources] == ["unchanged"]


async def test_the_name_of_a_lost_character_is_repaired_like_others(old: Old, tmp_path: Path) -> None:
    table = "CREATE TABLE conversations (id INTEGER PRIMARY KEY, character_id TEXT, chat_history TEXT)"
    said = [{"id": 1, "character_id": "a\0b" + "x" * 300, "chat_history": packed(ADA)}]
    report = await old.bring(write(tmp_path / "a.db", [CHARACTERS, table], conversations=said))
    [entry] = report.entries
    assert entry.name == "Character a\ufffdb" + "x" * (199 - len("Character a?b")) + "…"
    # Once in the character, and once in the document of its conversation.
    assert entry.summary()["repaired"] == {"NUL": 2, "name": 1, "orphan": 1}
    assert await old.histories(await old.character(entry.name)) == {"Previous conversation": ADA}
