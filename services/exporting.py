"""Export of everything that belongs to one owner: a zip file of JSON lines, made while it is sent."""

import asyncio
import json
import zipfile
from collections.abc import AsyncGenerator, Iterable
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEvent, Base, Character, Conversation, Credential, Database, Message, UsageDay, User

# Rows of one statement, which are in memory at once.
_BATCH = 500
_SECRET = ("password_hash", "digest", "owner", "name_folded", "title_folded", "deleting_at")


class ExportService:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def zip(self, owner: str) -> AsyncGenerator[bytes, None]:
        """Yields the bytes of the file. What is changed meanwhile may be in it or not."""
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as file:  # type: ignore[call-overload]
            for name, model in (("characters", Character), ("conversations", Conversation), ("messages", Message)):
                with file.open(f"{name}.jsonl", "w", force_zip64=True) as entry:
                    async for rows in self._batches(owner, model):
                        await asyncio.to_thread(entry.write, _lines(rows))
                        yield sink.taken()
            file.writestr("account.jsonl", _lines(await self._account(owner)))
        yield sink.taken()

    async def _batches(self, owner: str, model: Any) -> AsyncGenerator[list[Base], None]:
        last = None
        while True:
            query = select(model).order_by(model.id).limit(_BATCH)
            # A new session for each: the client may read slowly.
            async with self._database.read(owner) as session:
                rows = list(await session.scalars(query if last is None else query.where(model.id > last)))
            if not rows:
                return
            yield rows
            last = rows[-1].id

    async def _account(self, owner: str) -> list[Base]:
        async with self._database.read(owner) as session:
            own: dict[type[Base], Any] = {
                User: User.id,
                Credential: Credential.user_id,
                UsageDay: UsageDay.user_id,
            }
            own[AuditEvent] = AuditEvent.subject
            return [row for model, column in own.items() for row in await _rows(session, model, column == owner)]


async def _rows(session: AsyncSession, model: type[Base], condition: Any) -> list[Base]:
    return list(await session.scalars(select(model).where(condition)))


def _lines(rows: Iterable[Base]) -> bytes:
    return b"".join(_line(row) for row in rows)


def _line(row: Base) -> bytes:
    columns = inspect(type(row)).column_attrs
    values = {one.columns[0].name: getattr(row, one.key) for one in columns if one.key not in _SECRET}
    return json.dumps({"type": type(row).__name__, **values}, default=_plain, ensure_ascii=False).encode() + b"\n"


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case StrEnum():
            return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {name: part for name, part in asdict(value).items() if part is not None}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


class _Sink:
    """What a zip file is written to: a file without a place, of which the bytes are taken as they come."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        taken, self._bytes = bytes(self._bytes), bytearray()
        return taken
