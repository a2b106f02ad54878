"""Imports of sources: one transaction each, and a report of what it did."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncSession

from models import Character, Database, Origin, Owner, Unavailable
from services.importing.reports import Report, SourceReport
from services.importing.sources import Format, Source, recognised
from services.importing.storing import (
    DatabaseStore,
    RehearsalStore,
    Store,
    StoredCharacter,
    store_character,
    store_history,
)
from services.importing.values import Finding, FoundCharacter, FoundHistory, Unusable
from services.progress import Progress, Tick

# Seconds to wait for another program's lock on the database, and before somebody is told of the wait.
LOCK_TIMEOUT_SECONDS = 30.0
_NOTICE_SECONDS = 1.0


class Locked(Exception):
    """Another program keeps the database locked for too long."""


class Outdated(Exception):
    """The tables are of an earlier version, and a rehearsal changes nothing."""

    def __init__(self) -> None:
        super().__init__(
            "The database's tables are of an earlier version, so it cannot be told what was imported before. "
            "Run `python app.py migrate` first."
        )


class ImportService:
    """`progress` is told how far an import is, and what it waits for."""

    def __init__(
        self,
        database: Database,
        owner: Owner,
        format: Format,
        progress: Progress,
        lock_timeout: float = LOCK_TIMEOUT_SECONDS,
    ) -> None:
        self._database = database
        self._owner = owner
        self._format = format
        self._progress = progress
        self._lock_timeout = lock_timeout

    async def run(self, paths: Iterable[Path], wanted: str | None = None) -> Report:
        """Imports everything at the paths. Raises Locked when the tables cannot be brought up to date in time."""
        report = Report(dry_run=False)
        sources = recognised(self._format, paths, wanted)
        if any(not source.problem for source in sources):
            await migrate(self._database, self._progress, self._lock_timeout)
        for source in sources:
            report.sources.append(await _reported(source, self._import))
        return report

    async def rehearse(self, paths: Iterable[Path], wanted: str | None = None) -> Report:
        """Reports what an import would do, and writes nothing; the database need not exist. Raises Outdated."""
        report = Report(dry_run=True)
        async with self._imported_before() as before:
            store = RehearsalStore(before)

            async def read(source: Source) -> SourceReport:
                return await self._read(source, store, lambda: None)

            for source in recognised(self._format, paths, wanted):
                report.sources.append(await _reported(source, read))
        return report

    async def _import(self, source: Source) -> SourceReport:
        cancelled = asyncio.Event()

        def check() -> None:
            # A write goes on when its caller is cancelled; an import has to end, and to leave nothing.
            if cancelled.is_set():
                raise asyncio.CancelledError

        with _waiting_for_lock(self._progress, self._lock_timeout) as has_lock:

            async def work(session: AsyncSession) -> SourceReport:
                has_lock()
                store = DatabaseStore(session)
                report = await self._read(source, store, check)
                await store.finish()
                return report

            try:
                return await self._database.write(self._owner, work, self._lock_timeout)
            except asyncio.CancelledError:
                cancelled.set()
                raise

    async def _read(self, source: Source, store: Store, check: Callable[[], None]) -> SourceReport:
        report = SourceReport(str(source.path), list(source.forms))
        with (
            self._format.read(source.path, source.forms) as found,
            self._progress.over(source.path.name, found.size) as show,
        ):

            def tick(done: float, messages: int) -> None:
                check()
                show(done, messages)

            await _store_all(found.findings, store, report, tick)
        return report

    @asynccontextmanager
    async def _imported_before(self) -> AsyncIterator[Store | None]:
        """Opens a view of what was imported before; None when nothing can have been."""
        if not self._database.exists():
            yield None
            return
        async with self._database.snapshot(self._owner) as session:
            has_tables = await (await session.connection()).run_sync(_has_tables)
            yield DatabaseStore(session) if has_tables else None


async def migrate(database: Database, progress: Progress, timeout: float = LOCK_TIMEOUT_SECONDS) -> None:
    """Brings the tables up to date. Raises Locked."""
    with _waiting_for_lock(progress, timeout) as has_lock:
        await database.migrate(timeout, has_lock)


@contextmanager
def _waiting_for_lock(progress: Progress, timeout: float) -> Iterator[Callable[[], None]]:
    """Says after a while what is waited for, until the function that it yields is called. Raises Locked."""
    notice = asyncio.get_running_loop().call_later(
        _NOTICE_SECONDS,
        progress.say,
        f"Another program is writing to the database; waiting up to {timeout:g} s for it …",
    )
    try:
        yield notice.cancel
    except Unavailable as error:
        raise Locked(
            f"Another program has kept the database locked for {timeout:g} s. Nothing was written; "
            "try again when it is done."
        ) from error
    finally:
        notice.cancel()


def _has_tables(connection: Connection) -> bool:
    """Returns whether there are tables that can tell what was imported. Raises Outdated."""
    inspector = inspect(connection)
    if not inspector.has_table(Origin.__tablename__):
        return False
    present = {column["name"] for column in inspector.get_columns(Character.__tablename__)}
    if any(column.name not in present for column in inspect(Character).columns):
        raise Outdated
    return True


async def _reported(source: Source, act: Callable[[Source], Awaitable[SourceReport]]) -> SourceReport:
    """Returns the report of a source, also when it turns out to be unusable."""
    problem = source.problem
    if problem is None:
        try:
            return await act(source)
        except (Unusable, Locked) as reason:
            problem = str(reason)
    return SourceReport(str(source.path), list(source.forms), problem)


async def _store_all(findings: Iterator[Finding], store: Store, report: SourceReport, tick: Tick) -> None:
    characters: dict[Hashable, StoredCharacter] = {}
    messages = 0
    for done, found in enumerate(findings):
        if isinstance(found, FoundCharacter):
            characters[found.ref] = await _store_character(found, store, report)
            continue
        size = len(found.rows or ())

        def stored(count: int, done: int = done, size: int = size, before: int = messages) -> None:
            tick(done + count / size, before + count)

        await _store_history(found, characters[found.character], store, report, stored)
        messages += size
        tick(done + 1, messages)


async def _store_character(found: FoundCharacter, store: Store, report: SourceReport) -> StoredCharacter:
    character = await store_character(store, found)
    entry = report.entry(character.name)
    if character.is_new:
        entry.new_characters += 1
        entry.tally.add(found.tally)
    else:
        entry.tally.add_skips(found.tally)
    return character


async def _store_history(
    found: FoundHistory,
    character: StoredCharacter,
    store: Store,
    report: SourceReport,
    stored: Callable[[int], None],
) -> None:
    entry = report.entry(character.name)
    if found.rows is None:
        entry.tally.add_skips(found.tally)
    elif await store_history(store, found, character, stored):
        entry.conversations += 1
        entry.messages += len(found.rows)
        entry.hidden += sum(row["hidden"] for row in found.rows)
        entry.tally.add(found.tally)
    else:
        entry.unchanged += 1
        entry.tally.add_skips(found.tally)
