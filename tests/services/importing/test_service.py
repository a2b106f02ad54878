"""Importing once, whole, and beside others."""

import asyncio
import io
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from models import LOCAL_OWNER, Conversation, Database, Message, Origin, Owner, everyone
from models.database import T, Work
from models.migrations import upgrade
from services.importing.service import ImportService, Locked, Outdated, migrate
from services.importing.sources import Reading
from services.importing.values import Finding
from services.legacy import FORMAT
from services.progress import Progress
from services.settings import Settings
from tests.services.importing.conftest import Old
from tests.services.legacy.old_files import (
    ADA,
    CHARACTERS,
    assistant,
    legacy_db,
    old_db,
    packed,
    sessions_db,
    user,
    write,
)
from tests.support.makers import until


async def count(database: Database) -> list[int]:
    async with database.read(everyone()) as session:
        return [
            await session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Conversation, Message, Origin)
        ]


async def test_a_second_import_adds_nothing_wherever_the_file_is(
    old: Old, database: Database, tmp_path: Path
) -> None:
    paths = [old_db(tmp_path / "old.db"), sessions_db(tmp_path / "new.db")]
    paths.append(old.json_file("a.json", {"name": "Json", "chat_history": ADA}))
    paths.append(old.json_file("b.json", {"character": "Json", "history": [user("x")]}))
    first = await old.bring(*paths)
    before = await count(database)
    second = await old.bring(*(path.rename(tmp_path / f"moved {path.name}") for path in paths))
    assert await count(database) == before
    assert {source.status for source in first.sources} == {"imported"}
    assert {source.status for source in second.sources} == {"unchanged"}
    assert (first.code, second.code) == (0, 0)
    assert second.total().unchanged == first.total().conversations == 10
    assert not second.total().tally.repaired


async def test_a_history_that_has_grown_becomes_a_new_conversation(old: Old, tmp_path: Path) -> None:
    path = old_db(tmp_path / "old.db")
    await old.bring(path)
    with closing(sqlite3.connect(path)) as connection:
        grown = packed([*ADA, user("More")])
        connection.execute("UPDATE characters SET chat_history = ?, updated_at = 'now' WHERE id = 1", (grown,))
        connection.execute("UPDATE characters SET prompt = prompt || '\n\nTools You Can Use:\n- x' WHERE id = 1")
        connection.commit()
    entry = await old.entry(path, "Ada")
    assert (entry.new_characters, entry.conversations, entry.messages, entry.unchanged) == (0, 1, 5, 2)
    ada = await old.character("Ada")
    assert await old.services.conversations.count(LOCAL_OWNER, old.listing(), ada.id) == 4


async def test_the_same_twice_in_one_source_is_kept_once(old: Old, tmp_path: Path) -> None:
    table = "CREATE TABLE conversations (character_id INTEGER, chat_history TEXT)"
    twice = [{"character_id": 1, "chat_history": packed(ADA)}] * 2
    characters = [{"id": 1, "name": "A"}]
    path = write(tmp_path / "a.db", [CHARACTERS, table], characters=characters, conversations=twice)
    entry = await old.entry(path, "A")
    assert (entry.conversations, entry.unchanged) == (1, 1)


async def test_what_was_deleted_here_can_be_imported_again(old: Old, tmp_path: Path) -> None:
    path = old_db(tmp_path / "old.db")
    await old.bring(path)
    await old.services.characters.delete(LOCAL_OWNER, (await old.character("Ada")).id)
    assert (await old.entry(path, "Ada")).conversations == 3


async def test_what_was_changed_here_is_not_overwritten(old: Old, tmp_path: Path) -> None:
    path = old_db(tmp_path / "old.db")
    await old.bring(path)
    ada = await old.character("Ada")
    await old.services.characters.update(LOCAL_OWNER, ada.id, {"name": "Eve", "personality": "changed"})
    assert (await old.entry(path, "Ada")).summary()["newCharacters"] == 0
    assert (await old.character("Eve")).personality == "changed"


async def test_a_rehearsal_tells_the_same_and_writes_nothing(old: Old, database: Database, tmp_path: Path) -> None:
    paths = [old_db(tmp_path / "old.db"), old.json_file("b.json", {"character": "Ada", "history": [user("x")]})]
    rehearsed = await old.imports.rehearse(paths)
    assert await count(database) == [0, 0, 0]
    done = await old.bring(*paths)
    assert rehearsed.dry_run
    assert rehearsed.summary()["sources"] == done.summary()["sources"]
    again = await old.imports.rehearse(paths)
    assert {source.status for source in again.sources} == {"unchanged"}


async def test_a_source_that_is_damaged_in_the_middle_leaves_nothing(
    old: Old, database: Database, tmp_path: Path
) -> None:
    histories = [packed([user(f"{number} " + "x" * 200)] * 50) for number in range(60)]
    rows = [{"id": number, "name": f"C{number}", "chat_history": cell} for number, cell in enumerate(histories)]
    path = legacy_db(tmp_path / "old.db", rows)
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3 :] = b"\xff" * (len(content) - len(content) * 2 // 3)
    path.write_bytes(content)
    report = await old.bring(path)
    assert "damaged" in str(report.sources[0].problem)
    assert (report.code, await count(database)) == (2, [0, 0, 0])
    assert await old.characters() == []


async def test_a_truncated_database_is_told(old: Old, tmp_path: Path) -> None:
    path = old_db(tmp_path / "old.db")
    path.write_bytes(path.read_bytes()[:5000])
    assert "damaged" in str((await old.bring(path)).sources[0].problem)


@pytest.mark.sqlite
async def test_the_wait_for_the_lock_is_said_and_ends(old: Old, database: Database, settings: Settings) -> None:
    said = io.StringIO()
    path = old.json_file("a.json", {"name": "A", "chat_history": ADA})
    with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        hasty = ImportService(database, LOCAL_OWNER, FORMAT, Progress(said), lock_timeout=1.2)
        with pytest.raises(Locked, match=r"locked for 1\.2 s"):
            await hasty.run([path])
        assert said.getvalue().count("waiting up to 1.2 s") == 1
        waiting = asyncio.create_task(old.bring(path))
        await until(lambda: "waiting up to" in old.said.getvalue())
        other.execute("ROLLBACK")
    assert (await waiting).code == 0


async def test_a_character_is_as_active_as_its_conversations(old: Old, tmp_path: Path) -> None:
    row = {"id": 1, "name": "A", "chat_history": packed([assistant("Hi")])}
    times = {"created_at": "2025-01-01 00:00:00", "updated_at": "2025-02-01 00:00:00"}
    await old.bring(legacy_db(tmp_path / "a.db", [row | times]))
    assert (await old.character("A")).active_at.isoformat() == "2025-02-01T00:00:00+00:00"


async def test_statements_do_not_grow_with_the_messages(old: Old, statements: list[str], tmp_path: Path) -> None:
    def database_of(name: str, messages: int) -> Path:
        return legacy_db(
            tmp_path / name, [{"id": 1, "name": name, "chat_history": packed([user("x")] * messages)}]
        )

    await old.bring(database_of("a", 1))
    few = len(statements)
    await old.bring(database_of("b", 900))
    assert len(statements) == 2 * few


@pytest.mark.sqlite
async def test_a_write_that_is_tried_again_reports_and_stores_once(
    old: Old, database: Database, tmp_path: Path
) -> None:
    tries: list[Path] = []

    def busy_at_first(reading: Reading) -> Iterator[Finding]:
        yield from reading.findings
        if len(tries) < 3:
            busy = sqlite3.OperationalError("database is locked")
            busy.sqlite_errorname = "SQLITE_BUSY"
            raise OperationalError("COMMIT", {}, busy)

    @contextmanager
    def read(path: Path, forms: Sequence[str]) -> Iterator[Reading]:
        tries.append(path)
        with FORMAT.read(path, forms) as reading:
            yield replace(reading, findings=busy_at_first(reading))

    service = ImportService(database, LOCAL_OWNER, replace(FORMAT, read=read), Progress(old.said))
    report = await service.run([old_db(tmp_path / "old.db")])
    assert len(tries) == 3
    assert (report.total().conversations, report.total().messages) == (5, 11)
    assert (await count(database))[:2] == [5, 11]


async def test_a_cancelled_import_ends_and_leaves_nothing(old: Old, database: Database, tmp_path: Path) -> None:
    taken: list[Finding] = []

    def counting(reading: Reading) -> Iterator[Finding]:
        for found in reading.findings:
            taken.append(found)
            yield found

    @contextmanager
    def read(path: Path, forms: Sequence[str]) -> Iterator[Reading]:
        with FORMAT.read(path, forms) as reading:
            yield replace(reading, findings=counting(reading))

    rows = [{"id": id, "name": f"C{id}", "chat_history": packed([user("x")] * 1000)} for id in range(100)]
    path = legacy_db(tmp_path / "old.db", rows)
    service = ImportService(database, LOCAL_OWNER, replace(FORMAT, read=read), Progress(old.said))
    importing = asyncio.create_task(service.run([path]))
    await until(lambda: len(taken) > 4)
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    # Waits for the write.
    await database.close()
    assert len(taken) < 100
    assert await count(database) == [0, 0, 0]


async def test_a_rehearsal_over_tables_of_an_earlier_version_says_what_to_do(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/earlier.db")
    service = ImportService(database, LOCAL_OWNER, FORMAT, Progress(io.StringIO()))
    paths = [old_db(tmp_path / "old.db")]

    async def work(session: AsyncSession) -> None:
        await (await session.connection()).run_sync(upgrade, "0002")

    await database.write(everyone(), work)
    with pytest.raises(Outdated, match=r"python app\.py migrate"):
        await service.rehearse(paths)
    await database.migrate()
    assert (await service.rehearse(paths)).code == 0
    await database.close()


async def test_no_wait_is_told_of_once_an_import_has_the_lock(
    old: Old, database: Database, tmp_path: Path
) -> None:
    @contextmanager
    def read(path: Path, forms: Sequence[str]) -> Iterator[Reading]:
        time.sleep(1.1)
        with FORMAT.read(path, forms) as reading:
            yield reading

    service = ImportService(database, LOCAL_OWNER, replace(FORMAT, read=read), Progress(old.said))
    assert (await service.run([old_db(tmp_path / "old.db")])).code == 0
    assert "waiting" not in old.said.getvalue()


async def test_no_wait_is_told_of_while_the_tables_are_made(tmp_path: Path) -> None:
    class Slow(Database):
        async def write(self, owner: Owner, work: Work[T], timeout: float | None = None) -> T:
            async def slow(session: AsyncSession) -> T:
                result = await work(session)
                await asyncio.sleep(1.1)
                return result

            return await super().write(owner, slow, timeout)

    said, database = io.StringIO(), Slow(f"sqlite+aiosqlite:///{tmp_path}/slow.db")
    await migrate(database, Progress(said))
    await database.close()
    assert said.getvalue() == ""
