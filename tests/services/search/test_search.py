"""A person finds a message by any part of its words, in any language, and only their own."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from models import LOCAL_OWNER, Database, everyone, new_key
from services import Services
from services.errors import InvalidCursor
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from services.search import service as searching
from services.search.service import Finds
from tests.support.database import execute
from tests.support.makers import TestEngine, make_character, make_history, until
from tests.support.owners import OTHER_OWNER, without_housekeeping

TEXTS = {
    "turkish": "İstanbul'da IŞIKLAR söndü, dışarı çıktık.",
    "german": "Die Straße war groß, wir ﬁnden sie.",
    "japanese": "日本語の文章を書きます。",
    "chinese": "我们明天去北京。",
    "arabic": "مرحبا بالعالم الكبير",
    "emoji": "Well done 🎉🎊👩‍🚀!",
    "marks": "cafe\N{COMBINING ACUTE ACCENT} cre\N{COMBINING GRAVE ACCENT}me",
    "syntax": "a\"b 'c' (d) [e] {f} *g* ^h -i +j :k ~l \\m %n _o ; ? @ # $ & | / < > = ` , .",
    "words": "AND OR NOT NEAR folded rowid",
}


async def search(services: Services, query: str, owner: str = LOCAL_OWNER, **given: Any) -> Finds:
    page = PageArguments(first=given.pop("first", 20), after=given.pop("after", None))
    arguments = {"character_id": None, "conversation_id": None, **given}
    return await services.search.messages(owner, query, page=page, **arguments)


async def contents(services: Services, query: str, owner: str = LOCAL_OWNER, **given: Any) -> list[str]:
    """Returns the texts of what is found."""
    found = (await search(services, query, owner, **given)).found
    seen = await services.messages.by_ids(owner, [one.message_id for one in found])
    return [one.message.content for one in seen if one is not None]


async def every(services: Services, query: str, owner: str = LOCAL_OWNER, **given: Any) -> list[int]:
    """Returns the numbers of all that is found, over all pages."""
    numbers, after = [], None
    while True:
        page = await search(services, query, owner, after=after, **given)
        numbers += [one.number for one in page.found]
        if not page.has_next:
            return numbers
        after = page.end_cursor


@pytest.mark.parametrize("has_index", [True, False])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("istanbul", "turkish"),
        ("ışıklar", "turkish"),
        ("DIŞARI", "turkish"),
        ("strasse", "german"),
        ("GROSS finden", "german"),
        ("raß", "german"),
        ("日本", "japanese"),
        ("文章を書", "japanese"),
        ("北京", "chinese"),
        ("京", "chinese"),
        ("明天去北", "chinese"),
        ("بالعالم", "arabic"),
        ("🎉", "emoji"),
        ("🎉🎊", "emoji"),
        ("👩‍🚀", "emoji"),
        ("café", "marks"),
        ("crème", "marks"),
        ("NOT", "words"),
        ("AND NEAR", "words"),
        ('"or not"', "words"),
        *((character, "syntax") for character in "*^+:~\\%_;?@#$&|/<>=`(){}[]"),
        ("*g*", "syntax"),
        ("(d) [e] {f}", "syntax"),
        ('"^h -i +j :k"', "syntax"),
        ("a\"b 'c'", "syntax"),
        ("-i +j", "syntax"),
    ],
)
async def test_a_message_is_found_by_what_a_person_types(
    query: str, found: str, has_index: bool, services: Services, database: Database
) -> None:
    if not has_index:
        await without_index(database)
    await make_history(services, *TEXTS.values())
    assert await contents(services, query) == [TEXTS[found]]


@pytest.mark.parametrize("query", ["cafe ", '"well  done"', "istanbulx", "本日", "or_not", "%", "a*b"])
async def test_nothing_is_found_that_only_looks_alike(query: str, services: Services) -> None:
    await make_history(services, *[one for name, one in TEXTS.items() if name != "syntax"])
    assert await contents(services, query) == []


async def test_all_trigrams_of_a_word_do_not_make_the_word(services: Services) -> None:
    await make_history(services, "abcd bcde", "abcde")
    assert await contents(services, "abcde") == ["abcde"]


@pytest.mark.postgresql
async def test_what_is_in_many_texts_is_found_as_what_is_in_few(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is asked for few texts only; of many, the newest are looked at."""
    await make_history(services, *[f"common {index % 5}word" for index in range(30)])
    seen = {query: await every(services, query, first=4) for query in ("common", "common 3word")}
    assert [len(numbers) for numbers in seen.values()] == [30, 6]
    monkeypatch.setattr(searching, "RARE", 10)
    assert {query: await every(services, query, first=4) for query in seen} == seen
    monkeypatch.setattr(searching, "LOOKED_AT", 7)
    assert {query: await every(services, query, first=4) for query in seen} == seen


async def without_index(database: Database) -> None:
    """Makes the tables as a SQLite without FTS5 does, or a PostgreSQL without pg_trgm."""
    if database.url.get_backend_name() != "sqlite":
        await execute(database, text("DROP INDEX message_trigrams"))
        return
    async with database.read(everyone()) as session:
        file = str((await session.connection()).engine.url.database)
    with closing(sqlite3.connect(file)) as raw:
        for name, *_ in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute("DROP TABLE message_trigrams")


async def test_a_message_is_found_as_soon_and_as_long_as_its_text_is_final(
    services: Services, engine: TestEngine
) -> None:
    conversation = await make_history(services, "x")
    options = ReplyOptions(ReplyMode.BACKGROUND)
    sent = await services.replies.send(LOCAL_OWNER, conversation.id, "A question", None, options)
    assert sent.reply is not None
    engine.say("Unfinished an")
    await until(lambda: services.writer.keys)
    await services.writer.checkpoints.store()
    assert await contents(services, "unfinished") == []
    engine.answer("swer")
    await until(lambda: not services.writer.keys)
    assert await contents(services, "finished answer") == ["Unfinished answer"]
    assert await contents(services, "question") == ["A question"]
    await services.messages.edit(LOCAL_OWNER, sent.reply.id, "Another text")
    assert await contents(services, "answer") == []
    assert await contents(services, "another") == ["Another text"]
    await services.messages.delete(LOCAL_OWNER, sent.reply.id)
    assert await contents(services, "another") == []
    await services.conversations.clear_history(LOCAL_OWNER, conversation.id)
    assert await contents(services, "question") == []


async def test_greetings_forks_and_imports_are_found_on_every_path(services: Services) -> None:
    character = await make_character(services, greeting="Welcome, traveller", alternate_greetings=["Welcome back"])
    conversation = await services.conversations.create(LOCAL_OWNER, character.id, {})
    assert sorted(await contents(services, "welcome")) == ["Welcome back", "Welcome, traveller"]
    await services.conversations.fork(LOCAL_OWNER, conversation.id)
    assert len(await contents(services, "traveller")) == 2
    history = [{"role": "user", "content": "Brought along"}]
    await services.chat_histories.import_history(LOCAL_OWNER, character.id, history)
    assert await contents(services, "brought") == ["Brought along"]
    await services.conversations.delete(LOCAL_OWNER, conversation.id)
    assert len(await contents(services, "traveller")) == 1


@pytest.mark.sqlite
async def test_messages_of_a_deleted_character_are_gone_at_once_and_their_texts_soon(
    settings: Any, database: Database
) -> None:
    services = without_housekeeping(settings, database)
    conversation = await make_history(services, "Secret words")
    assert await contents(services, "secret") == ["Secret words"]
    await services.characters.delete(LOCAL_OWNER, conversation.character_id)
    assert [await contents(services, query) for query in ("secret", "se")] == [[], []]
    await services.housekeeping.finish_deletions()
    with closing(sqlite3.connect(str(database.url.database))) as file:
        assert file.execute("SELECT count(*) FROM message_texts").fetchone() == (0,)
        found = file.execute("SELECT count(*) FROM message_trigrams WHERE message_trigrams MATCH '\"sec\"'")
        assert found.fetchone() == (0,)
    await services.close()


async def test_a_search_can_be_of_one_character_or_one_conversation(services: Services) -> None:
    ada, bob = await make_character(services, "Ada"), await make_character(services, "Bob")
    first = await make_history(services, "Hello one", character=ada)
    await make_history(services, "Hello two", character=ada)
    await make_history(services, "Hello three", character=bob)
    assert await contents(services, "hello", character_id=ada.id) == ["Hello two", "Hello one"]
    assert await contents(services, "he", character_id=ada.id) == ["Hello two", "Hello one"]
    assert await contents(services, "hello", conversation_id=first.id) == ["Hello one"]
    assert await contents(services, "hello", conversation_id=first.id, character_id=bob.id) == []
    assert await contents(services, "hello", character_id=new_key("char")) == []


@pytest.mark.parametrize("query", ["hello", "el", '"ello numb"'])
@pytest.mark.parametrize("looked_at", [3, 7, 50_000])
async def test_pages_go_on_where_the_one_before_ended(
    query: str, looked_at: int, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "LOOKED_AT", looked_at)
    await make_history(services, *(f"Hello number {number}" if number % 3 else "Hallo" for number in range(40)))
    numbers = await every(services, query, first=4)
    assert len(numbers) == len([number for number in range(40) if number % 3])
    assert numbers == sorted(numbers, reverse=True)


async def test_another_owners_messages_are_never_found_and_delay_nothing_for_ever(
    services: Services, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "LOOKED_AT", 100)
    monkeypatch.setattr(searching, "RARE", 100)
    character = await services.characters.create(OTHER_OWNER, {"name": "Ours"})
    ours = [{"role": "user", "content": "Hello, it is ours"}]
    conversation = await services.chat_histories.import_history(OTHER_OWNER, character.id, ours)
    theirs = await make_history(services, *["Hello, it is theirs"] * 950)
    for query in ("hello", "it", "theirs"):
        page = await search(services, query, OTHER_OWNER)
        assert (list(page.found), page.has_next) == ([], True)
        assert len(await every(services, query, OTHER_OWNER)) == (query != "theirs")
    assert await contents(services, "hello", OTHER_OWNER, conversation_id=theirs.id) == []
    assert await contents(services, "he", OTHER_OWNER, conversation_id=conversation.id) == ["Hello, it is ours"]


async def test_a_cursor_of_another_search_is_refused(services: Services) -> None:
    await make_history(services, "Hello one", "Hello two")
    cursor = (await search(services, "hello", first=1)).end_cursor
    assert len((await search(services, "hello", after=cursor)).found) == 1
    for other in ({"query": "two"}, {"query": "hello", "character_id": new_key("char")}):
        with pytest.raises(InvalidCursor):
            await search(services, after=cursor, **other)


@pytest.mark.parametrize("query", ["hello", "lo"])
async def test_a_page_takes_few_statements(
    query: str, services: Services, statements: list[str], database_kind: str
) -> None:
    await services.housekeeping.close()
    await make_history(services, *["Hello"] * 30)
    statements.clear()
    await search(services, query)
    asked = [one for one in statements if not one.startswith(("BEGIN", "PRAGMA"))]
    # PostgreSQL has to be asked whether it has an index for the words.
    assert len(asked) == (4 if database_kind == "postgresql" and query == "hello" else 3)


@pytest.mark.sqlite
async def test_a_vacuum_and_a_copy_by_it_leave_the_index_right(services: Services, database: Database) -> None:
    conversation = await make_history(services, *(f"Text {number} of many" for number in range(500)))
    await services.conversations.clear_history(LOCAL_OWNER, (await make_history(services, "x" * 99)).id)
    await services.messages.delete(LOCAL_OWNER, (await search(services, '"text 499 "')).found[0].message_id)
    path = Path(str(database.url.database))
    copied = path.with_name("copy.db")
    with closing(sqlite3.connect(path)) as file:
        file.execute("VACUUM")
        file.execute("VACUUM INTO ?", (str(copied),))
    copy = Database(f"sqlite+aiosqlite:///{copied}")
    from_copy = type(services.search)(copy)
    for query, count in (('"text 47"', 11), ("497", 1), ("499", 0)):
        numbers = [one.number for one in (await search(services, query)).found]
        page = PageArguments(first=20)
        again = await from_copy.messages(LOCAL_OWNER, query, None, conversation.id, page)
        everywhere = await from_copy.messages(LOCAL_OWNER, query, None, None, page)
        assert [one.number for one in again.found] == [one.number for one in everywhere.found] == numbers
        assert len(numbers) == count
    async with copy.read(everyone()) as session:
        check = "INSERT INTO message_trigrams (message_trigrams, rank) VALUES ('integrity-check', 1)"
        await (await session.connection()).execute(text(check))
    await copy.close()
