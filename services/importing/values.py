"""What a format's readers return: characters, histories, and a tally of repairs and skips."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models import OriginKind

Document = dict[str, Any]

# Columns of a message: role, content, hidden and extra; model and created_at where they are known.
MessageRow = dict[str, Any]


class Unusable(Exception):
    """Nothing of a source can be imported; the text says why, and what to do."""


@dataclass
class Skip:
    """A reason for leaving something out, how often it applied, and where it applied first."""

    reason: str
    where: str
    count: int = 1


@dataclass
class Tally:
    """Counts repairs by kind, skips by reason, and messages that are stored error texts."""

    repaired: Counter[str] = field(default_factory=Counter)
    skips: dict[str, Skip] = field(default_factory=dict)
    error_texts: int = 0

    def repair(self, kind: str, count: int = 1) -> None:
        self.repaired[kind] += count

    def skip(self, reason: str, where: str, count: int = 1) -> None:
        if reason in self.skips:
            self.skips[reason].count += count
        else:
            self.skips[reason] = Skip(reason, where, count)

    def add_skips(self, other: "Tally") -> None:
        for skip in other.skips.values():
            self.skip(skip.reason, skip.where, skip.count)

    def add(self, other: "Tally") -> None:
        self.add_skips(other)
        self.repaired += other.repaired
        self.error_texts += other.error_texts


@dataclass(frozen=True)
class FoundCharacter:
    """A character in a source; `ref` identifies it there.

    `columns` are the table's. `identity` is a JSON value that is the same whenever the character is found again.
    `document` is kept for the export. A character that is `only_named` joins the imported one of that name.
    """

    ref: Hashable
    form: str
    document: Document
    columns: dict[str, Any]
    identity: list[Any]
    tally: Tally
    created_at: datetime | None = None
    only_named: bool = False

    @property
    def name(self) -> str:
        return str(self.columns["name"])


@dataclass(frozen=True)
class FoundHistory:
    """A history in a source; `character` is the `ref` of one that was found before it.

    `row_id` is a JSON value. `rows` is None when the history cannot be read; the tally says why.
    """

    character: Hashable
    form: str
    row_id: Any
    document: Document
    title: str
    rows: list[MessageRow] | None
    tally: Tally
    kind: OriginKind = OriginKind.CONVERSATION
    created_at: datetime | None = None
    active_at: datetime | None = None


Finding = FoundCharacter | FoundHistory
