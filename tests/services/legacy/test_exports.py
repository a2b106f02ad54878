"""What came in goes out equal."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models import LOCAL_OWNER, Database
from services.errors import NotFound
from services.importing.service import ImportService
from services.importing.sources import Unwritable
from services.legacy import FORMAT
from services.legacy.exports import file_name
from services.progress import Progress
from tests.services.legacy.conftest import Old
from tests.services.legacy.old_files import (
    ACTION,
    ADA,
    ODD,
    TALK,
    TOOLS,
    legacy_db,
    old_db,
    packed,
    sessions_db,
    user,
)
from tests.support.makers import make_character, make_history

CHARACTERS: list[dict[str, Any]] = [
    {
        "name": " Ada ",
        "background": "b\n",
        "personality": "p",
        "prompt": "s" + TOOLS + TOOLS,
        "wiki_info": "w",
        "use_agentic": True,
        "chat_history": ADA + ODD,
        "unknown": {"z": [1, 2.5], "a": None},
    },
    {"name": "Bob", "background": None, "chat_history": None},
    {"name": "x" * 250, "prompt": "", "personality": {"odd": 1}, "chat_history": '"[]"'},
    {"name": "Cem", "wiki_info": None, "use_agentic": 1},
]
HISTORIES: list[dict[str, Any]] = [
    {"character": "Ada", "history": TALK, "exported_by": "someone"},
    {"character": "Nobody", "history": []},
    {
        "id": 1,
        "character_id": 2,
        "character_name": "Ada",
        "title": "Başlık\n",
        "chat_history": [user("Hi", action=ACTION)],
        "created_at": "2025-05-17T12:34:56.789Z",
        "more": [],
    },
    {"character_id": None, "character_name": "Bob", "title": None, "chat_history": None},
]


def sorted_documents(documents: list[Any]) -> list[str]:
    return sorted(json.dumps(document, sort_keys=True) for document in documents)


async def test_json_files_go_out_equal(old: Old) -> None:
    documents = [*CHARACTERS, *HISTORIES]
    paths = [old.json_file(f"{index}.json", document) for index, document in enumerate(documents)]
    assert (await old.bring(*paths)).code == 0
    assert sorted_documents(await old.given_back()) == sorted_documents(documents)


async def test_a_database_goes_out_in_both_forms(old: Old, tmp_path: Path) -> None:
    await old.bring(old_db(tmp_path / "old.db"))
    documents = await old.given_back()
    [ada] = [each for each in documents if each.get("name") == "Ada"]
    assert ada == {
        "name": "Ada",
        "background": "Küçük bir köyde doğdu.",
        "personality": "kind\n",
        "prompt": "You are Ada." + TOOLS + TOOLS,
        "wiki_info": "wiki",
        "use_agentic": True,
        "chat_history": ADA,
    }
    assert {
        "id": 1,
        "character_id": 1,
        "character_name": "Ada",
        "title": "Başlık\n",
        "chat_history": TALK,
        "created_at": "2025-05-18 04:35:40.563516",
        "updated_at": None,
    } in documents
    assert len(documents) == 5 + 3


async def test_what_went_out_comes_in_and_goes_out_equal(old: Old, tmp_path: Path) -> None:
    await old.bring(old_db(tmp_path / "old.db"), sessions_db(tmp_path / "new.db"))
    first = await old.given_back("first")
    for character in await old.characters():
        await old.services.characters.delete(LOCAL_OWNER, character.id)
    assert (await old.bring(old.folder / "first")).code == 0
    assert sorted_documents(await old.given_back("second")) == sorted_documents(first)


async def test_hidden_messages_go_out_hidden_and_come_back_hidden(old: Old, tmp_path: Path) -> None:
    await old.bring(sessions_db(tmp_path / "new.db"))
    await old.export(old.folder / "out", (await old.character("You are Ada.")).id)
    assert (await old.bring(old.folder / "out")).total().hidden == 2


async def test_what_was_changed_here_goes_out_changed(old: Old) -> None:
    await old.bring(old.json_file("a.json", CHARACTERS[0]), old.json_file("b.json", HISTORIES[2]))
    [ada] = await old.characters()
    changes = {"name": "Eve", "system_prompt": "new", "metadata": {"unknown": None, "fresh": 1}}
    await old.services.characters.update(LOCAL_OWNER, ada.id, changes)
    expected: dict[str, Any] = {**CHARACTERS[0], "name": "Eve", "prompt": "new", "fresh": 1}
    del expected["unknown"]
    given = await old.given_back(character_id=ada.id)
    assert sorted_documents(given) == sorted_documents([expected, {**HISTORIES[2], "character_name": "Eve"}])


async def test_what_was_made_here_goes_out_too(old: Old) -> None:
    character = await make_character(old.services, "A/B", personality="kind")
    conversation = await make_history(old.services, "Hi", "Hello", character=character)
    first, second = await old.given_back()
    assert [path.name for path in sorted((old.folder / "out").iterdir())] == [
        "A_B - New conversation.json",
        "A_B.json",
    ]
    assert first.items() >= {"id": conversation.id, "character_name": "A/B", "title": "New conversation"}.items()
    assert [item["content"] for item in first["chat_history"]] == ["Hi", "Hello"]
    assert (second["personality"], second["chat_history"]) == ("kind", [])


async def test_no_two_files_get_one_name(old: Old) -> None:
    character = await make_character(old.services)
    for content in ("One", "Two"):
        await make_history(old.services, content, character=character)
    given = await old.given_back()
    assert [each["chat_history"][0]["content"] for each in given if "title" in each] == ["Two", "One"]
    assert (old.folder / "out" / "Ada - New conversation (2).json").exists()


async def test_what_could_not_be_read_goes_out_as_it_is(old: Old, tmp_path: Path) -> None:
    await old.bring(legacy_db(tmp_path / "a.db", [{"id": 1, "name": "A", "chat_history": "no json"}]))
    [document] = await old.given_back()
    assert document["chat_history"] == "no json"


async def test_a_grown_history_is_the_characters_own(old: Old, tmp_path: Path) -> None:
    for name, history in (("1.json", ADA), ("2.json", [*ADA, user("More")])):
        await old.bring(old.json_file(name, {"name": "Ada", "chat_history": history}))
    given = await old.given_back()
    assert [each["chat_history"] for each in given if "name" in each] == [[*ADA, user("More")]]
    assert [each["chat_history"] for each in given if "name" not in each] == [ADA]


async def test_an_export_writes_over_nothing(old: Old) -> None:
    (old.folder / "full").mkdir()
    (old.folder / "full" / "a").touch()
    with pytest.raises(Unwritable):
        await old.export(old.folder / "full")
    with pytest.raises(NotFound):
        await old.export(old.folder / "new", "char_" + "0" * 32)
    assert not (old.folder / "new").exists()


async def test_statements_of_an_export_do_not_grow_with_the_messages(
    old: Old, statements: list[str], tmp_path: Path
) -> None:
    await old.bring(legacy_db(tmp_path / "a", [{"id": 1, "name": "A", "chat_history": packed([user("x")] * 900)}]))
    statements.clear()
    await old.given_back()
    assert len([each for each in statements if each.startswith("SELECT")]) == 4


async def test_a_long_history_is_read_in_pages_and_never_as_rows_of_the_table(
    old: Old, statements: list[str], tmp_path: Path
) -> None:
    said = [user(str(number)) for number in range(2500)]
    await old.bring(legacy_db(tmp_path / "a", [{"id": 1, "name": "A", "chat_history": packed(said)}]))
    statements.clear()
    [document] = await old.given_back()
    assert document["chat_history"] == said
    reads = [each for each in statements if "FROM messages" in each]
    assert len(reads) == 3
    assert not any("messages.failure" in each for each in reads)


def test_every_file_system_takes_the_names() -> None:
    names = ["a/b\\c:d*", "..", "con", "Nul.txt", "ö" * 200, "x\n\0y", "fine. "]
    assert [file_name(name) for name in names] == [
        "a_b_c_d_",
        "_",
        "_con",
        "_Nul.txt",
        "ö" * 75,
        "x__y",
        "fine",
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ROLES = st.sampled_from(["user", "assistant", "system", "tool", "User", ""]) | TEXTS
ELEMENTS = st.builds(
    lambda more, role, content: {**more, "role": role, "content": content},
    st.dictionaries(TEXTS | st.sampled_from(["action", "is_hidden", "name"]), VALUES, max_size=3),
    ROLES,
    TEXTS,
)
HISTORY = st.lists(ELEMENTS, max_size=8)
CHARACTER = st.fixed_dictionaries(
    {"name": TEXTS, "chat_history": HISTORY},
    optional={
        "background": TEXTS | st.none(),
        "personality": TEXTS,
        "prompt": TEXTS | st.just("p" + TOOLS),
        "wiki_info": TEXTS | st.none(),
        "use_agentic": st.booleans() | st.none(),
        "unknown": VALUES,
    },
)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(character=CHARACTER, said=HISTORY, coded=HISTORY, title=TEXTS)
async def test_any_history_goes_out_as_it_came_in(
    character: dict[str, Any], said: list[Any], coded: list[Any], title: str
) -> None:
    export = {"character_name": "Somebody", "id": 1, "title": title, "chat_history": said}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = folder / "files"
        files.mkdir()
        (files / "1.json").write_text(json.dumps(character), encoding="utf-8")
        (files / "2.json").write_text(json.dumps(export, ensure_ascii=False), encoding="utf-8")
        legacy_db(files / "3.db", [{"id": 1, "name": "Coded", "chat_history": packed(packed(coded))}])
        database = Database(f"sqlite+aiosqlite:///{folder}/r.db")
        try:
            report = await ImportService(database, LOCAL_OWNER, FORMAT, Progress(io.StringIO())).run([files])
            assert report.code == 0
            await FORMAT.export(database, LOCAL_OWNER, folder / "out", None)
        finally:
            await database.close()
        given_back = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "out").iterdir()]
    [from_database] = [each for each in given_back if each.get("name") == "Coded" and "id" not in each]
    assert json.dumps(from_database["chat_history"], sort_keys=True) == json.dumps(coded, sort_keys=True)
    given_back.remove(from_database)
    assert sorted_documents(given_back) == sorted_documents([character, export])
