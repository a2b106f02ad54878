"""What people see of an import: its report as text."""

import unicodedata
from collections.abc import Iterator, Sequence

from services.importing.reports import Entry, Report, SourceReport, total
from services.progress import counted, printable

_HEADINGS = ("Character", "New", "Conversations", "Messages", "Unchanged", "Skipped", "Repaired")
_NUMBERS = range(1, 6)


def text(report: Report) -> str:
    """Returns the report for people."""
    lines = [line for source in report.sources for line in _source(source, report.dry_run)]
    if not report.sources:
        lines.append("There is no file to import.")
    if sum(not source.problem for source in report.sources) > 1:
        lines.append(_conclusion("Total", report.total(), report.dry_run))
    if report.dry_run:
        lines.append("This was a dry run: nothing was written.")
    return "\n".join(lines)


def _source(source: SourceReport, dry_run: bool) -> Iterator[str]:
    if source.problem:
        yield f"{printable(source.path)}: nothing is usable: {printable(source.problem)}."
        return
    yield f"{printable(source.path)} ({' and '.join(source.forms)})"
    entries = list(source.entries.values())
    if not entries:
        yield "  It holds no character and no conversation."
        return
    sums = total(entries)
    yield from _table([_HEADINGS, *map(_cells, entries), *([_cells(sums)] if len(entries) > 1 else [])])
    yield from _notes(entries, sums)
    yield _conclusion("  Result", sums, dry_run)


def _cells(entry: Entry) -> tuple[str, ...]:
    numbers = (
        entry.new_characters,
        entry.conversations,
        entry.messages,
        entry.unchanged,
        sum(skip.count for skip in entry.tally.skips.values()),
    )
    repaired = ", ".join(f"{count:,} {kind}" for kind, count in sorted(entry.tally.repaired.items()))
    return printable(entry.name), *(f"{number:,}" if number else "-" for number in numbers), repaired or "-"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            " " * (width - _width(cell)) + cell if index in _NUMBERS else cell + " " * (width - _width(cell))
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield ("  " + "  ".join(cells)).rstrip()


def _width(text: str) -> int:
    """Returns how many columns of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _notes(entries: Sequence[Entry], sums: Entry) -> Iterator[str]:
    for entry in entries:
        for skip in entry.tally.skips.values():
            times = f"{skip.count:,} times, first in " if skip.count > 1 else "in "
            yield f"  Skipped from {printable(entry.name)}: {skip.reason} ({times}{printable(skip.where)})."
    if sums.hidden:
        yield f"  Hidden messages: {sums.hidden:,}; they are kept, but left out of prompts."
    if sums.tally.error_texts:
        yield f"  Stored error texts among the messages: {sums.tally.error_texts:,}."


def _conclusion(beginning: str, entry: Entry, dry_run: bool) -> str:
    if not (entry.new_characters or entry.conversations):
        return f"{beginning}: nothing new; {counted(entry.unchanged, 'conversation')} unchanged."
    added = ", ".join(
        (
            counted(entry.new_characters, "new character"),
            counted(entry.conversations, "conversation"),
            counted(entry.messages, "message"),
        )
    )
    return f"{beginning}: {added}{' would be' if dry_run else ''} imported; {entry.unchanged:,} unchanged."
