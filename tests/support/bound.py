"""The statements that sessions of an owner send, and which of them are not bound to it."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session

from models import Database, Everyone
from models.ownership import OwnedSession
from models.sqlite_direct import DirectConnection
from tests.support.owners import OWNED_TABLES

_TABLES = "|".join(OWNED_TABLES)
# The condition that hides what is being deleted; it holds for every owner.
_HIDDEN = re.compile(
    r"\(SELECT (?:characters\.id|(?:1|true) AS \w+)\s+FROM characters\s+"
    r"WHERE characters\.deleting_at IS NOT NULL\)"
    r"|FROM conversations\s+WHERE (?:conversations\.id = \w+\.conversation_id|\w+\.conversation_id = "
    r"conversations\.id) AND conversations\.character_id IN"
)
_NAMED = re.compile(rf"(?:FROM|JOIN|UPDATE|INTO|,)\s+({_TABLES})\b(?!\.)(?:\s+AS\s+(\w+))?")
_BOUND = re.compile(r"\b(\w+)\.owner = (?:\?|:owner|\$\d+)")


@contextmanager
def recorded(database: Database) -> Iterator[list[str]]:
    """Gathers the statements of sessions that have an owner, except flushes and what reads a row again."""
    seen: list[str] = []

    def begin(session: Session, _: object, connection: Any) -> None:
        connection.info["session"] = session

    async def begin_directly(direct: DirectConnection, session: AsyncSession) -> None:
        begin(session.sync_session, None, direct._connection)
        await begin_a_write(direct, session)

    def execute(state: ORMExecuteState) -> None:
        state.session.info["reloading"] = state.is_column_load

    def record(connection: Any, _: object, statement: str, *rest: object) -> None:
        if not statement.startswith("PRAGMA") and re.search(rf"\b({_TABLES})\b", statement):
            # What is read without a session is read for an owner.
            session = connection.info.get("session")
            if session is None or not _is_exempt(session):
                seen.append(statement)

    begin_a_write = DirectConnection.begin
    of_session = {"after_begin": begin, "do_orm_execute": execute}
    engines = [engine.sync_engine for engine in database.engines]
    for name, listener in of_session.items():
        event.listen(OwnedSession, name, listener)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", record)
    with patch.object(DirectConnection, "begin", begin_directly):
        yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", record)
    for name, listener in of_session.items():
        event.remove(OwnedSession, name, listener)


def _is_exempt(session: Session) -> bool:
    is_reloading = session.info.pop("reloading", False)
    return is_reloading or session._flushing or isinstance(session.info["owner"], Everyone)


def unbound(statement: str) -> Counter[str]:
    """Returns the tables and aliases that the statement names without a condition on their owner."""
    if statement.startswith("INSERT"):
        return Counter() if re.search(r"\(.*\bowner\b.*\)\s*VALUES", statement, re.DOTALL) else Counter(["INSERT"])
    plain = _HIDDEN.sub("", statement)
    named = Counter(alias or table for table, alias in _NAMED.findall(plain))
    return named - Counter(_BOUND.findall(plain))
