"""Counting what an import repaired and what it had to leave out."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Repair(StrEnum):
    """What can be repaired; the value is what the report calls it."""

    NUL = "NUL"
    SURROGATE = "lone surrogate"
    TOOL_BLOCK = "tool block"
    DOUBLE_ENCODED = "encoded twice"
    ROLE = "other role"
    NO_TEXT = "no text"
    NAME = "name"
    NUMBER = "no JSON number"
    DEPTH = "too deep"
    BINARY = "binary"
    ORPHAN = "without its owner"


@dataclass
class Skip:
    """Something left out for the same reason, how often, and where it was first."""

    reason: str
    where: str
    count: int = 1


@dataclass
class Tally:
    repaired: Counter[Repair] = field(default_factory=Counter)
    skips: dict[str, Skip] = field(default_factory=dict)
    error_texts: int = 0

    def repair(self, kind: Repair, count: int = 1) -> None:
        self.repaired[kind] += count

    def skip(self, reason: str, where: str) -> None:
        if reason in self.skips:
            self.skips[reason].count += 1
        else:
            self.skips[reason] = Skip(reason, where)

    def add_skips(self, other: "Tally") -> None:
        for skip in other.skips.values():
            if known := self.skips.get(skip.reason):
                known.count += skip.count
            else:
                self.skips[skip.reason] = Skip(skip.reason, skip.where, skip.count)

    def add(self, other: "Tally") -> None:
        self.add_skips(other)
        self.repaired += other.repaired
        self.error_texts += other.error_texts
