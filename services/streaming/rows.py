"""Reads a conversation's rows as a log: near one cursor, or all that has happened since a version."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, func, or_, select
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
    # The condition on zero is that of the index.
    return and_(
        Message.conversation_id == conversation, Message.edited_version > version, Message.edited_version > 0
    )


# Read for each change of a watched conversation; all else is read for late watchers only.
_CONVERSATION = Prepared(select(Conversation).where(Conversation.id == bindparam("conversation")))
_RUNS_SINCE = Prepared(
    select(*_RUN).where(
        Run.conversation_id == bindparam("conversation"),
        or_(Run.ended.is_(None), Run.ended > bindparam("version")),
    )
)
_MESSAGES_SINCE = Prepared(
    select(*_MESSAGE).where(
        or_(
            Message.id.in_(bindparam("written", expanding=True)),
            _edited_after(bindparam("conversation"), bindparam("version")),
        )
    )
)


async def conversation_of(session: AsyncSession, id: str) -> Conversation | None:
    return (await _CONVERSATION.rows(session, conversation=id)).scalar_one_or_none()


@dataclass(frozen=True)
class LogReader:
    """Reads in the session's snapshot. `growing` takes an open run and its row's text, and returns its text."""

    session: AsyncSession
    conversation: Conversation
    growing: Callable[[int, str], Text]

    async def near(self, at: Cursor) -> Log:
        """Returns what `next_event` can need at the cursor: the run it is in, the next ones, and the next edit."""
        of_conversation = Run.conversation_id == self.conversation.id
        before = select(func.max(Run.started)).where(of_conversation, Run.started <= at.version)
        after = select(func.min(Run.started)).where(of_conversation, Run.started > at.version)
        near = or_(
            Run.started == at.run,
            Run.started == before.scalar_subquery(),
            Run.started == after.scalar_subquery(),
            Run.ended.is_(None),
        )
        runs = _states(await self.session.execute(select(*_RUN).where(of_conversation, near)))
        edited = _edited_after(self.conversation.id, at.version)
        next_edit = select(Message.id).where(edited).order_by(Message.edited_version).limit(1)
        wanted = or_(Message.id.in_({run.message_id for run in runs}), Message.id == next_edit.scalar_subquery())
        return await self._log(runs, await self.session.execute(select(*_MESSAGE).where(wanted)))

    async def since(self, version: int) -> Log:
        """Returns what `next_event` can need at any cursor of those who know all up to the version."""
        since = {"conversation": self.conversation.id, "version": version}
        runs = _states(await _RUNS_SINCE.rows(self.session, **since))
        written = [run.message_id for run in runs]
        return await self._log(runs, await _MESSAGES_SINCE.rows(self.session, written=written, **since))

    async def _log(self, runs: list[RunState], messages: Iterable[Any]) -> Log:
        messages = list(messages)
        resumed = await self._resumed_at([row.id for row in messages if row.edited_version])
        return Log(
            self.conversation.id,
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
