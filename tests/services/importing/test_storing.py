"""What an import stores, and for whom."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from models import LOCAL_OWNER, Conversation, Database, Message, Origin, OriginKind, everyone, new_key
from services.errors import NotFound
from services.importing.reports import Report
from services.importing.service import ImportService
from services.importing.storing import RehearsalStore, StoredCharacter, store_character, store_history
from services.importing.values import FoundHistory, Tally
from services.legacy import FORMAT, characters, histories
from services.legacy.forms import Form
from services.progress import Progress
from tests.services.importing.conftest import Old
from tests.services.legacy.old_files import ADA, TALK, TOOLS, legacy_db, old_db, packed, user


async def test_characters_count_the_conversations_that_an_import_adds(old: Old, tmp_path: Path) -> None:
    counts = {"Ada": 3, "Null": 1, "Empty": 0, "Twice": 0, "Coded": 1}
    path = old_db(tmp_path / "old.db")
    for _ in range(2):
        await old.bring(path)
        assert {each.name: each.conversation_count for each in await old.characters()} == counts
    await old.bring(old.json_file("a.json", {"character": "Ada", "history": TALK}))
    assert (await old.character("Ada")).conversation_count == 4


async def test_an_older_history_makes_no_character_less_active(old: Old, tmp_path: Path) -> None:
    for year in (2025, 2024):
        times = {"created_at": f"{year}-01-01 00:00:00", "updated_at": f"{year}-02-01 00:00:00"}
        said = packed([user(str(year))])
        await old.bring(
            legacy_db(tmp_path / f"{year}.db", [{"id": 1, "name": "A", "chat_history": said, **times}])
        )
    assert (await old.character("A")).active_at == datetime(2025, 2, 1, tzinfo=UTC)


async def test_imports_and_exports_know_only_their_owners_rows(old: Old, database: Database) -> None:
    other = new_key("user")
    path = old.json_file("a.json", {"name": "Ada", "chat_history": ADA})
    await old.bring(path)
    [ada] = await old.characters()
    with pytest.raises(NotFound):
        await FORMAT.export(database, other, old.folder / "out", ada.id)
    assert (await FORMAT.export(database, other, old.folder / "out", None)).characters == 0

    async def brought() -> Report:
        return await ImportService(database, other, FORMAT, Progress(old.said)).run([path])

    assert (await brought()).sources[0].status == "imported"
    assert (await brought()).sources[0].status == "unchanged"
    async with database.read(everyone()) as session:
        for table in (Conversation, Message, Origin):
            assert set(await session.scalars(select(table.owner))) == {LOCAL_OWNER, other}
    assert (await FORMAT.export(database, other, old.folder / "out", None)).messages == 4


async def test_keys_are_those_of_earlier_versions() -> None:
    """Databases hold these keys; with others, everything would be imported a second time."""
    store = RehearsalStore(None)
    document = {
        "name": " Ada ",
        "background": "Köy",
        "personality": {"a": 1},
        "prompt": "You." + TOOLS,
        "wiki_info": "w",
        "use_agentic": True,
    }
    stored = await store_character(store, characters.found(1, Form.LEGACY_DB, document, Tally()))
    said = [user("Hi 😀"), {"role": "tool", "content": "4", "z": 1, "a": [None]}]
    found = FoundHistory(
        character=1,
        form=Form.LEGACY_DB,
        row_id=7,
        document={},
        title="Title",
        rows=histories.rows(said, Tally()),
        tally=Tally(),
        kind=OriginKind.OWN_HISTORY,
    )
    assert await store_history(store, found, StoredCharacter(stored.id, "Ada", True), lambda count: None)
    assert await store.find("5fa9c761d7b6457912d2b3bb0ea52288022b08e1c60c05795dec2fec92542cde") == stored.id
    assert await store.find("2963c8bb2943e3cccff575022fb93764a38aad7d7d41e2da19b0a05bab4ee672")
