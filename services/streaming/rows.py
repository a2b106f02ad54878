"""Reads a conversation's rows as a log: near one cursor, or all that has happened since a version."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Message, Prepared, Run
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
_MESSAGE = (Message.id, Message.content, Message.edited_version)


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


async def conversation_of(session: AsyncSession, id: str) -> Conversation | None:
    return (await _CONVERSATION.rows(session, conversation=id)).scalar_one_or_none()


class Read(NamedTuple):
    """A conversation as it is now, and its log since a version."""

    conversation: Conversation
    log: Log
    since: int


@dataclass(frozen=True)
class LogReader:
    """Reads in the session's snapshot. `growing` takes an open run and its row's text, and returns its text."""

    session: AsyncSession
    conversation_id: str
    growing: Callable[[int, str], Text]

    async def near(self, at: Cursor) -> "Read | None":
        """Returns what `next_event` can need at the cursor: the run it is in, the next ones, and the next edit."""
        conversation = await conversation_of(self.session, self.conversation_id)
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
        runs = _states(await self.session.execute(select(*_RUN).where(of_conversation, near)))
        edited = _edited_after(self.conversation_id, at.version)
        next_edit = select(Message.id).where(edited).order_by(Message.edited_version).limit(1)
        wanted = or_(Message.id.in_({run.message_id for run in runs}), Message.id == next_edit.scalar_subquery())
        messages = await self.session.execute(select(*_MESSAGE).where(wanted))
        return Read(conversation, await self._log(runs, messages), conversation.history_version)

    async def now(self) -> "Read | None":
        """Returns what `next_event` can need at any cursor from just before the running reply on."""
        rows = (await _NOW.rows(self.session, conversation=self.conversation_id)).all()
        if not rows:
            return None
        conversation, started = rows[0][0], rows[0].started
        head = conversation.history_version
        since = head if started is None else started - 1
        # What else has happened meanwhile are edits.
        return Read(conversation, await self._log_of(rows, since, is_edited=head > since + 1), since)

    async def since(self, version: int) -> "Read | None":
        """Returns what `next_event` can need at any cursor of those who know all up to the version."""
        rows = (await _SINCE.rows(self.session, conversation=self.conversation_id, version=version)).all()
        if not rows:
            return None
        return Read(rows[0][0], await self._log_of(rows, version, rows[0].is_edited), version)

    async def _log_of(self, rows: Sequence[Any], version: int, is_edited: bool) -> Log:
        begun = [row for row in rows if row.started is not None]
        runs = _states(row[-len(_RUN) - len(_MESSAGE) : -len(_MESSAGE)] for row in begun)
        messages = {row.id: row for row in begun}
        if is_edited:
            known = {"conversation": self.conversation_id, "version": version}
            messages |= {row.id: row for row in await _EDITED_SINCE.rows(self.session, **known)}
        return await self._log(runs, messages.values())

    async def _log(self, runs: list[RunState], messages: Iterable[Any]) -> Log:
        messages = list(messages)
        resumed = await self._resumed_at([row.id for row in messages if row.edited_version])
        return Log(
            self.conversation_id,
            {run.started: run for run in runs},
            {row.id: self._message(row, runs, resumed) for row in messages},
        )

    async def _resumed_at(self, edited: Collection[str]) -> dict[str, int]:
        """Returns, for edited messages, the least start offset of a run that began after the edit."""
        if not edited:
            return {}
        query = (
            select(Run.message_id, func.min(Run.start_offset))
            .join(Message, Message.id == Run.message_id)
            .where(Run.message_id.in_(edited), Run.started > Message.edited_version)
            .group_by(Run.message_id)
        )
        return {row[0]: row[1] for row in await self.session.execute(query)}

    def _message(self, row: Any, runs: Iterable[RunState], resumed: dict[str, int]) -> MessageState:
        # Once a run has ended, its row is complete.
        open_run = next((run.started for run in runs if run.ended is None and run.message_id == row.id), None)
        text = StoredText(row.content) if open_run is None else self.growing(open_run, row.content)
        return MessageState(row.id, text, row.edited_version, resumed.get(row.id))


def _states(rows: Iterable[Any]) -> list[RunState]:
    return [RunState(*row) for row in rows]
