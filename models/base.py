"""What every table shares: names of constraints, ids, moments, and values kept as JSON."""

import os
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import CHAR, JSON, DateTime, Dialect, MetaData, TypeDecorator, Uuid
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

_HEX = re.compile(r"[0-9a-f]{32}")
_NO_ROW = "0" * 32


class Key(TypeDecorator[str]):
    """`<prefix>_<32 hex digits>` in Python, a UUID in the database. A malformed key matches no row."""

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
        if value is None:
            return None
        prefix, _, digits = value.partition("_")
        return digits if prefix == self.prefix and _HEX.fullmatch(digits) else _NO_ROW

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{self.prefix}_{value.replace('-', '')}"


_last_moment = 0


def new_key(prefix: str) -> str:
    """Return a new id: the prefix and a version 7 UUID (RFC 9562, method 3).

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
    """Return this moment, aware and in UTC."""
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
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Record(TypeDecorator[Any]):
    """A frozen dataclass kept as a JSON object; what is None is left out."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> dict[str, Any] | None:
        if value is None:
            return None
        return {name: part for name, part in asdict(value).items() if part is not None}

    def process_result_value(self, value: dict[str, Any] | None, dialect: Dialect) -> Any:
        return None if value is None else self.kind(**value)


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
