"""Reads a conversation's rows as a log: near one cursor, or all that has happened since a version."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Message, Run
from services.broker import LiveReply
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


@dataclass(frozen=True)
class LogReader:
    """Reads in the session's snapshot. `live` was asked for before the snapshot began."""

    session: AsyncSession
    conversation: Conversation
    live: LiveReply | None

    async def near(self, at: Cursor) -> Log:
        """Returns what `next_event` can need at the cursor: the run it is in, the next ones, and the next edit."""
        of_conversation = Run.conversation_id == self.conversation.id
        before = select(func.max(Run.started)).where(of_conversation, Run.started <= at.version)
        after = select(func.min(Run.started)).where(of_conversation, Run.started > at.version)
        runs = await self._runs(
            or_(
                Run.started == at.run,
                Run.started == before.scalar_subquery(),
                Run.started == after.scalar_subquery(),
                Run.ended.is_(None),
            )
        )
        next_edit = select(Message.id).where(self._edited_after(at.version)).order_by(Message.edited_version)
        return await self._log(runs, Message.id == next_edit.limit(1).scalar_subquery())

    async def since(self, version: int) -> Log:
        """Returns what `next_event` can need at any cursor of those who know all up to the version."""
        runs = await self._runs(or_(Run.ended.is_(None), Run.ended > version))
        return await self._log(runs, self._edited_after(version))

    def _edited_after(self, version: int) -> ColumnElement[bool]:
        # The condition on zero is that of the index.
        return and_(
            Message.conversation_id == self.conversation.id,
            Message.edited_version > version,
            Message.edited_version > 0,
        )

    async def _runs(self, near: ColumnElement[bool]) -> list[RunState]:
        rows = await self.session.execute(select(*_RUN).where(Run.conversation_id == self.conversation.id, near))
        return [RunState(*row) for row in rows]

    async def _log(self, runs: list[RunState], edited: ColumnElement[bool]) -> Log:
        written = {run.message_id for run in runs}
        wanted = or_(Message.id.in_(written), edited) if written else edited
        messages = (await self.session.execute(select(*_MESSAGE).where(wanted))).all()
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
        text: Text = StoredText(row.content)
        if self.live is not None and self.live.message_id == row.id:
            # Once a run has ended, its row is complete.
            is_open = any(run.ended is None and run.started == self.live.run for run in runs)
            text = self.live if is_open else text
        return MessageState(row.id, text, row.edited_version, resumed.get(row.id))
