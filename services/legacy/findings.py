"""What readers find in a source: characters, and histories that belong to one of them."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from models import OriginKind
from services.legacy.characters import Document
from services.legacy.histories import Row
from services.legacy.tallies import Tally


class Form(StrEnum):
    """The forms that a source can have, as `--as` names them."""

    LEGACY_DB = "legacy-db"
    CHARACTER_JSON = "character-json"
    SESSIONS_DB = "sessions-db"
    HISTORY_JSON = "history-json"


class Unusable(Exception):
    """Nothing of a source can be imported; the text says why, and what to do."""


@dataclass(frozen=True)
class FoundCharacter:
    """`ref` names it within its source; one that is only named joins whoever was imported by that name."""

    ref: Hashable
    form: Form
    document: Document
    tally: Tally
    created_at: datetime | None = None
    only_named: bool = False


@dataclass(frozen=True)
class FoundHistory:
    """`character` is the ref of one found before; without `rows` the history cannot be read, as the tally says."""

    character: Hashable
    form: Form
    row_id: Any
    document: Document
    title: Any
    rows: list[Row] | None
    tally: Tally
    kind: OriginKind = OriginKind.CONVERSATION
    created_at: datetime | None = None
    active_at: datetime | None = None


Finding = FoundCharacter | FoundHistory
