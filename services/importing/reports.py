"""Report of an import: what it did, per character, per source and in total; and its exit code."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from services.importing.values import Tally

ALL_DONE, SOME_SKIPPED, NOTHING_USABLE = 0, 1, 2

Summary = dict[str, Any]


@dataclass
class Entry:
    """What happened to one character's part of a source."""

    name: str
    new_characters: int = 0
    conversations: int = 0
    messages: int = 0
    hidden: int = 0
    unchanged: int = 0
    tally: Tally = field(default_factory=Tally)

    def summary(self) -> Summary:
        return {
            "newCharacters": self.new_characters,
            "conversations": self.conversations,
            "messages": self.messages,
            "hiddenMessages": self.hidden,
            "unchanged": self.unchanged,
            "errorTexts": self.tally.error_texts,
            "skipped": [
                {"reason": skip.reason, "first": skip.where, "count": skip.count}
                for skip in self.tally.skips.values()
            ],
            "repaired": {str(kind): count for kind, count in sorted(self.tally.repaired.items())},
        }


@dataclass
class SourceReport:
    """What happened to one source; `problem` says why nothing of it is usable."""

    path: str
    forms: list[str]
    problem: str | None = None
    entries: dict[str, Entry] = field(default_factory=dict)

    def entry(self, name: str) -> Entry:
        return self.entries.setdefault(name, Entry(name))

    @property
    def status(self) -> str:
        if self.problem:
            return "unusable"
        added = any(entry.new_characters or entry.conversations for entry in self.entries.values())
        return "imported" if added else "unchanged"

    def summary(self) -> Summary:
        return {
            "path": self.path,
            "forms": self.forms,
            "status": self.status,
            "problem": self.problem,
            "characters": [{"name": entry.name, **entry.summary()} for entry in self.entries.values()],
        }


@dataclass
class Report:
    """What happened to all sources of an import."""

    dry_run: bool
    sources: list[SourceReport] = field(default_factory=list)

    @property
    def entries(self) -> list[Entry]:
        return [entry for source in self.sources for entry in source.entries.values()]

    @property
    def code(self) -> int:
        """The exit code of the command."""
        if all(source.problem for source in self.sources):
            return NOTHING_USABLE
        if any(source.problem for source in self.sources) or any(entry.tally.skips for entry in self.entries):
            return SOME_SKIPPED
        return ALL_DONE

    def total(self) -> Entry:
        return total(self.entries)

    def summary(self) -> Summary:
        """Returns the whole report as JSON."""
        return {
            "dryRun": self.dry_run,
            "exitCode": self.code,
            "sources": [source.summary() for source in self.sources],
            "total": self.total().summary(),
        }


def total(entries: Iterable[Entry]) -> Entry:
    """Returns one entry with the sums of all."""
    sums = Entry("Total")
    for entry in entries:
        sums.new_characters += entry.new_characters
        sums.conversations += entry.conversations
        sums.messages += entry.messages
        sums.hidden += entry.hidden
        sums.unchanged += entry.unchanged
        sums.tally.add(entry.tally)
    return sums
