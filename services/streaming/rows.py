"""Reads a conversation's rows as a log: near one cursor, or all that has happened since a version."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, case, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import Conversation, Database, Message, Prepared, Run, read_together
from services.broker.texts import StoredText, Text
from services.streaming.cursors import Cursor
from services.streaming.replay import Log, MessageState, RunState

_RUN = (
    Run.started,
    Run.message_id,
    Run.start_offset,
    Run.ended,
    Run.end_offset,
    Run.status,
    Run.finish_reason,
    Run.failure,
)
_later = aliased(Run)
# The least start offset of a run that began after the message was edited.
_RESUMED_AT = (
    select(func.min(_later.start_offset))
    .where(_later.message_id == Message.id, _later.started > Message.edited_version)
    .correlate(Message)
    .scalar_subquery()
)
_MESSAGE = (
    Message.id,
    Message.content,
    Message.edited_version,
    case((Message.edited_version > 0, _RESUMED_AT)).label("resumed_at"),
)


def _edited_after(
    conversation: str | BindParameter[str], version: int | BindParameter[int]
) -> ColumnElement[bool]:
    # The condition of the index. Without it, or after the other one, SQLite would look at the parameter to know
    # whether the index will do, and prepare the statement anew for each of its values.
    is_edited = Message.edited_version > literal_column("0")
    return and_(is_edited, Message.edited_version > version, Message.conversation_id == conversation)


def _with_runs(*columns: ColumnElement[Any], runs: ColumnElement[bool]) -> Prepared:
    """Selects a conversation, the columns, and its runs with their messages: a row for each, or one without."""
    return Prepared(
        select(Conversation, *columns, *_RUN, *_MESSAGE)
        .outerjoin(Run, and_(Run.conversation_id == Conversation.id, runs))
        .outerjoin(Message, Message.id == Run.message_id)
        .where(Conversation.id == bindparam("conversation"))
    )


_CONVERSATION = Prepared(select(Conversation).where(Conversation.id == bindparam("conversation")))
# Read when a conversation begins to be watched, and for each change; all else after edits and for late watchers.
_NOW = _with_runs(runs=Run.ended.is_(None))
_EDITED = _edited_after(bindparam("conversation"), bindparam("version"))
_EARLIER = select(func.max(Run.started)).where(
    Run.conversation_id == bindparam("conversation"), Run.started <= bindparam("version")
)
_SINCE = _with_runs(
    select(Message.id).where(_EDITED).exists().label("is_edited"),
    # Runs follow one another, so that of those that began earlier only the last one can have ended since.
    runs=and_(
        Run.started >= func.coalesce(_EARLIER.scalar_subquery(), 0),
        or_(Run.ended.is_(None), Run.ended > bindparam("version")),
    ),
)
_EDITED_SINCE = Prepared(select(*_MESSAGE).where(_EDITED))


async def conversation_of(database: Database, owner: str, id: str) -> Conversation | None:
    """Raises Unavailable."""
    [found] = await read_together(database, owner, (_CONVERSATION, {"conversation": id}))
    return found[0][0] if found else None


class Read(NamedTuple):
    """A conversation as it is now, and its log since a version."""

    conversation: Conversation
    log: Log
    since: int


@dataclass(frozen=True)
class LogReader:
    """`growing` takes an open run and its row's text, and returns its text. Each read raises Unavailable."""

    database: Database
    owner: str
    conversation_id: str
    growing: Callable[[int, str], Text]

    async def near(self, at: Cursor) -> "Read | None":
        """Returns what `next_event` can need at the cursor: the run it is in, the next ones, and the next edit."""
        async with self.database.snapshot(self.owner) as session:
            return await self._near(session, at)

    async def now(self) -> "Read | None":
        """Returns what `next_event` can need at any cursor from just before the running reply on."""
        known = {"conversation": self.conversation_id}
        [rows] = await read_together(self.database, self.owner, (_NOW, known))
        if not rows:
            return None
        conversation, started = rows[0][0], rows[0].started
        head = conversation.history_version
        since = head if started is None else started - 1
        # What else has happened meanwhile are edits.
        if head > since + 1:
            return await self._with_edits(since)
        return Read(conversation, self._log(*_of_runs(rows)), since)

    async def since(self, version: int) -> "Read | None":
        """Returns what `next_event` can need at any cursor of those who know all up to the version."""
        known = {"conversation": self.conversation_id, "version": version}
        [rows] = await read_together(self.database, self.owner, (_SINCE, known))
        if not rows:
            return None
        if rows[0].is_edited:
            return await self._with_edits(version)
        return Read(rows[0][0], self._log(*_of_runs(rows)), version)

    async def _with_edits(self, version: int) -> "Read | None":
        """Reads what has happened since a version again, in one state with what was edited."""
        known = {"conversation": self.conversation_id, "version": version}
        async with self.database.snapshot(self.owner) as session:
            rows = (await _SINCE.rows(session, **known)).all()
            if not rows:
                return None
            runs, of_runs = _of_runs(rows)
            edited = await _EDITED_SINCE.rows(session, **known)
            messages = {row.id: row for row in (*of_runs, *edited)}.values()
            return Read(rows[0][0], self._log(runs, messages), version)

    async def _near(self, session: AsyncSession, at: Cursor) -> "Read | None":
        conversation = (await _CONVERSATION.rows(session, conversation=self.conversation_id)).scalar_one_or_none()
        if conversation is None:
            return None
        of_conversation = Run.conversation_id == self.conversation_id
        before = select(func.max(Run.started)).where(of_conversation, Run.started <= at.version)
        after = select(func.min(Run.started)).where(of_conversation, Run.started > at.version)
        near = or_(
            Run.started == at.run,
            Run.started == before.scalar_subquery(),
            Run.started == after.scalar_subquery(),
            Run.ended.is_(None),
        )
        runs = _states(await session.execute(select(*_RUN).where(of_conversation, near)))
        edited = _edited_after(self.conversation_id, at.version)
        next_edit = select(Message.id).where(edited).order_by(Message.edited_version).limit(1)
        wanted = or_(Message.id.in_({run.message_id for run in runs}), Message.id == next_edit.scalar_subquery())
        messages = await session.execute(select(*_MESSAGE).where(wanted))
        return Read(conversation, self._log(runs, messages), conversation.history_version)

    def _log(self, runs: list[RunState], messages: Iterable[Any]) -> Log:
        return Log(
            self.conversation_id,
            {run.started: run for run in runs},
            {row.id: self._message(row, runs) for row in messages},
        )

    def _message(self, row: Any, runs: Iterable[RunState]) -> MessageState:
        # Once a run has ended, its row is complete.
        open_run = next((run.started for run in runs if run.ended is None and run.message_id == row.id), None)
        text = StoredText(row.content) if open_run is None else self.growing(open_run, row.content)
        return MessageState(row.id, text, row.edited_version, row.resumed_at)


def _of_runs(rows: Sequence[Any]) -> tuple[list[RunState], list[Any]]:
    """Returns the runs of a conversation's rows, and the rows for their messages."""
    begun = [row for row in rows if row.started is not None]
    return _states(row[-len(_RUN) - len(_MESSAGE) : -len(_MESSAGE)] for row in begun), begun


def _states(rows: Iterable[Any]) -> list[RunState]:
    return [RunState(*row) for row in rows]
