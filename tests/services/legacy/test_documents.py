"""JSON files: characters, and exports of histories."""

import json
from typing import Any

import pytest

from models import LOCAL_OWNER, Database
from services.legacy import documents
from services.legacy.forms import Form
from tests.services.legacy.conftest import Old
from tests.services.legacy.old_files import ADA, TALK, user
from tests.support.makers import make_character

CHARACTER = {
    "name": "Ada",
    "background": "b",
    "personality": "p",
    "prompt": "s",
    "wiki_info": "w",
    "use_agentic": False,
    "chat_history": ADA,
}


async def test_a_character_comes_with_its_history(old: Old) -> None:
    entry = await old.entry(old.json_file("a.txt", CHARACTER), "Ada")
    assert (entry.new_characters, entry.conversations, entry.messages) == (1, 1, 4)
    assert await old.histories(await old.character("Ada")) == {"Previous conversation": ADA}


async def test_a_byte_order_mark_and_utf16_are_read(old: Old) -> None:
    for name, encoding in (("Ada", "utf-8-sig"), ("Bob", "utf-16")):
        path = old.folder / name
        path.write_text(json.dumps({**CHARACTER, "name": name}), encoding=encoding)
        assert (await old.bring(path)).code == 0
    assert [each.name for each in await old.characters()] == ["Ada", "Bob"]


async def test_a_history_joins_the_character_that_was_imported(old: Old) -> None:
    folder = old.folder / "files"
    folder.mkdir()
    old.json_file("files/1.json", {"character": "Ada", "history": TALK, "title": "Talk"})
    old.json_file("files/2.json", CHARACTER)
    assert (await old.bring(folder)).total().new_characters == 1
    assert await old.histories(await old.character("Ada")) == {"Previous conversation": ADA, "Talk": TALK}
    [ada] = await old.characters()
    export = {"id": 1, "character_id": 2, "character_name": "Ada", "title": "Later", "chat_history": TALK}
    await old.bring(old.json_file("3.json", {**export, "created_at": "2025-05-17T12:34:56.789Z"}))
    assert [each.id for each in await old.characters()] == [ada.id]
    assert (await old.histories(ada))["Later"] == TALK


async def test_a_history_joins_nobody_who_was_made_here(old: Old) -> None:
    mine = await make_character(old.services, "Ada", personality="mine")
    await old.bring(old.json_file("1.json", {"character": "Ada", "history": TALK}))
    assert await old.histories(mine) == {}
    assert len(await old.characters()) == 2


async def test_the_same_character_is_not_overwritten_when_it_says_something_else(old: Old) -> None:
    await old.bring(old.json_file("1.json", CHARACTER))
    await old.bring(old.json_file("2.json", {**CHARACTER, "personality": "other"}))
    assert [each.personality for each in await old.characters()] == ["p", "other"]


@pytest.mark.parametrize(
    "document,form",
    [
        (CHARACTER, Form.CHARACTER_JSON),
        ({"name": "A", "chat_history": None}, Form.CHARACTER_JSON),
        ({"character": "A", "history": []}, Form.HISTORY_JSON),
        ({"id": 1, "character_id": 2, "chat_history": "[]"}, Form.HISTORY_JSON),
        ({"name": "A"}, None),
        ({"name": 1, "prompt": ""}, None),
        ([1, 2, 3], None),
        ([user("Hi")], None),
        ({}, None),
    ],
)
def test_the_form_is_told_by_the_keys(document: Any, form: Form | None) -> None:
    assert documents.form_of(document) is form


async def test_a_form_can_be_demanded(old: Old) -> None:
    path = old.json_file("1.json", {"name": "Ada"})
    assert (await old.bring(path)).code == 2
    assert (await old.bring(path, form=Form.CHARACTER_JSON)).code == 0
    [source] = (await old.bring(path, form=Form.LEGACY_DB)).sources
    assert source.problem == "this JSON is an object that is neither a character nor the export of a history"


@pytest.mark.parametrize(
    "content,problem",
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "this is neither a database nor JSON"),
        (
            b"{",
            "the JSON is not valid (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
        ),
        (b"[1, 2]", "this JSON is a list that is neither a character nor the export of a history"),
        (b"[" * 100_000, "the JSON is nested too deeply"),
        (b'{"name": "\xff"}', "the JSON is not valid"),
    ],
)
async def test_what_is_none_of_the_forms_is_refused(
    old: Old, database: Database, content: bytes, problem: str
) -> None:
    path = old.folder / "file"
    path.write_bytes(content)
    report = await old.bring(path)
    [source] = report.sources
    assert str(source.problem).startswith(problem)
    assert report.code == 2
    assert await old.services.characters.count(LOCAL_OWNER) == 0


async def test_a_huge_json_file_is_refused_unread(old: Old) -> None:
    path = old.folder / "huge.json"
    with path.open("wb") as file:
        file.write(b'{"name": "A", "chat_history": [')
        file.truncate(200 * 2**20)
    [source] = (await old.bring(path)).sources
    assert source.problem == (
        "a JSON file of 200 MiB is more than the 64 MiB read at once: split its history into several files with "
        "the same name in them, or import the database it came from"
    )
