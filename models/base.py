"""Declarative base of all tables: constraint names, ids, UTC datetimes, and values kept as JSON."""

import json
import os
import re
import time
from dataclasses import asdict, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import CHAR, JSON, DateTime, Dialect, MetaData, String, TypeDecorator, Uuid
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

_HEX = re.compile(r"[0-9a-f]{32}")
_NO_ROW = "0" * 32


# How values of JSON are stored: compact, and with the characters of texts as they are.
json_dump = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Key(TypeDecorator[str]):
    """`<prefix>_<32 hex digits>` in Python, a UUID in the database.

    A malformed key is bound as zeros, which match no row; so it may be compared with, but never inserted.
    """

    impl = CHAR
    cache_ok = True

    def __init__(self, prefix: str) -> None:
        super().__init__(32)
        self.prefix = prefix

    @property
    def python_type(self) -> type[str]:
        return str

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # SQLite has no UUID type; 32 hex digits sort like the UUID and need no conversion.
        return dialect.type_descriptor(CHAR(32) if dialect.name == "sqlite" else Uuid(as_uuid=False))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.stored(value)

    def stored(self, key: str) -> str:
        """Returns what is stored of a key: its digits."""
        prefix, _, digits = key.partition("_")
        return digits if prefix == self.prefix and _HEX.fullmatch(digits) else _NO_ROW

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{self.prefix}_{value.replace('-', '')}"


_last_moment = 0


def new_key(prefix: str) -> str:
    """Returns a new id: the prefix and a version 7 UUID (RFC 9562, method 3).

    Ids made by one process sort in the order they were made.
    """
    global _last_moment
    # A step is 1/4096 of a millisecond, the 12 bits that follow the version.
    moment = max(time.time_ns() * 4096 // 1_000_000, _last_moment + 1)
    _last_moment = moment
    milliseconds, fraction = divmod(moment, 4096)
    noise = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    value = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | noise
    return f"{prefix}_{value:032x}"


def now() -> datetime:
    """Returns the current time, aware and in UTC."""
    return datetime.now(UTC)


class Moment(TypeDecorator[datetime]):
    """An aware datetime in UTC, also from SQLite, which keeps no offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Choice(TypeDecorator[Any]):
    """A member of a StrEnum, kept by its value. A value that only a newer version knows is read as `unknown`."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum], unknown: StrEnum) -> None:
        super().__init__(16)
        self.kind = kind
        self.unknown = unknown
        self._members = {member.value: member for member in kind}

    @property
    def python_type(self) -> type[StrEnum]:
        return self.kind

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self._members.get(value, self.unknown)


class Record(TypeDecorator[Any]):
    """A frozen dataclass kept as a JSON object without its None values.

    Keys that the class does not know are ignored: a newer version may have written the row.
    """

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, kind: type[Any]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> dict[str, Any] | None:
        if value is None:
            return None
        return {name: part for name, part in asdict(value).items() if part is not None}

    def process_result_value(self, value: dict[str, Any] | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        known = {field.name for field in fields(self.kind)}
        return self.kind(**{name: part for name, part in value.items() if name in known})


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON(none_as_null=True)}
