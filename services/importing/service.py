"""Importing sources, one transaction each, and reporting what that did."""

from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncSession

from models import Database
from services.legacy import locks
from services.legacy.findings import Finding, Form, FoundCharacter, FoundHistory, Unusable
from services.legacy.progress import Progress, Tick
from services.legacy.reports import Report, SourceReport
from services.legacy.shelf import Place, Shelf
from services.legacy.sources import Source, reading, recognised
from services.legacy.stores import DatabaseStore, RehearsedStore
from services.legacy.tallies import Tally

Opening = Callable[[], AbstractAsyncContextManager[Shelf]]


class ImportService:
    """`progress` hears how far it is, and what it waits for."""

    def __init__(self, database: Database, owner: str, progress: Progress) -> None:
        self._database = database
        self._owner = owner
        self._progress = progress

    async def run(self, paths: Iterable[Path], wanted: Form | None = None) -> Report:
        """Import everything at the paths. Raises Locked when another program does not let go of the database."""
        report = Report(dry_run=False)
        sources = recognised(paths, wanted)
        if any(not source.problem for source in sources):
            await locks.patiently(self._database.migrate, self._progress.say)
        for source in sources:
            report.sources.append(await self._take(source, self._shelf))
        return report

    async def rehearse(self, paths: Iterable[Path], wanted: Form | None = None) -> Report:
        """Report what an import would do, without writing anything; the database need not even exist."""
        report = Report(dry_run=True)
        async with self._before() as session:
            store = RehearsedStore(DatabaseStore(session) if session else None)
            for source in recognised(paths, wanted):
                report.sources.append(await self._take(source, partial(self._same, store)))
        return report

    @asynccontextmanager
    async def _shelf(self) -> AsyncIterator[Shelf]:
        async with locks.held(self._database, self._progress.say) as session:
            store = DatabaseStore(session)
            yield Shelf(store, self._owner)
            await store.flush()

    @asynccontextmanager
    async def _same(self, store: RehearsedStore) -> AsyncIterator[Shelf]:
        yield Shelf(store, self._owner)

    @asynccontextmanager
    async def _before(self) -> AsyncIterator[AsyncSession | None]:
        """Open a view of what was imported before; None when nothing can have been."""
        if not self._database.exists():
            yield None
            return
        async with self._database.snapshot() as session:
            connection = await session.connection()
            has_origins = await connection.run_sync(lambda sync: inspect(sync).has_table("origins"))
            yield session if has_origins else None

    async def _take(self, source: Source, opening: Opening) -> SourceReport:
        report = SourceReport(str(source.path), [form.value for form in source.forms], source.problem)
        if source.problem:
            return report
        try:
            with reading(source) as found, self._progress.over(source.path.name, found.size) as tick:
                async with opening() as shelf:
                    await _keep_all(found.findings, shelf, report, tick)
        except (Unusable, locks.Locked) as reason:
            return SourceReport(report.path, report.forms, str(reason))
        return report


async def _keep_all(findings: Iterator[Finding], shelf: Shelf, report: SourceReport, tick: Tick) -> None:
    places: dict[Hashable, Place] = {}
    messages = 0
    for done, found in enumerate(findings):
        if isinstance(found, FoundCharacter):
            places[found.ref] = await _keep_character(found, shelf, report)
            continue
        size = len(found.rows or ())

        def stored(count: int, done: int = done, size: int = size, before: int = messages) -> None:
            tick(done + count / size, before + count)

        await _keep_history(found, places[found.character], shelf, report, stored)
        messages += size
        tick(done + 1, messages)


async def _keep_character(found: FoundCharacter, shelf: Shelf, report: SourceReport) -> Place:
    tally = Tally()
    place = await shelf.character(found, tally)
    entry = report.entry(place.name)
    if place.is_new:
        entry.new_characters += 1
        entry.tally.add(tally)
        entry.tally.add(found.tally)
    else:
        entry.tally.add_skips(found.tally)
    return place


async def _keep_history(
    found: FoundHistory, place: Place, shelf: Shelf, report: SourceReport, stored: Callable[[int], None]
) -> None:
    entry, tally = report.entry(place.name), Tally()
    if found.rows is None:
        entry.tally.add_skips(found.tally)
    elif await shelf.history(found, place, tally, stored):
        entry.conversations += 1
        entry.messages += len(found.rows)
        entry.hidden += sum(row["hidden"] for row in found.rows)
        entry.tally.add(tally)
        entry.tally.add(found.tally)
    else:
        entry.unchanged += 1
        entry.tally.add_skips(found.tally)
