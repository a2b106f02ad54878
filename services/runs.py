"""Runs in the database: beginning one, keeping hold of it, ending it. Inside the caller's transaction.

Every change is conditional on the run being open, and on who writes it, so that a writer that lost its
run (to a stop, a deletion, or a lease that ran out) changes nothing.
"""

import os
import socket
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Character,
    Conversation,
    Failure,
    FailureCode,
    FinishReason,
    Message,
    Run,
    Status,
    TokenUsage,
    new_key,
    now,
)

# How long a writer holds a run without renewing.
LEASE = timedelta(seconds=5)


@dataclass(frozen=True)
class RunKey:
    conversation_id: str
    started: int


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    status: Status
    finish_reason: FinishReason | None = None
    failure: Failure | None = None
    usage: TokenUsage | None = None
    model: str | None = None


STOPPED = Outcome(Status.STOPPED, FinishReason.STOPPED)
INTERRUPTED = Outcome(
    Status.INTERRUPTED,
    failure=Failure(FailureCode.INTERRUPTED, "The server stopped while it wrote this. Continue the reply.", True),
)


def new_writer() -> str:
    """Return a name for this process's writer: host, process id, and what no other has."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_key('w')}"


def touch(conversation: Conversation, character: Character | None = None) -> int:
    """Count a change of the history, and return its version."""
    conversation.history_version += 1
    conversation.updated_at = now()
    if character is not None:
        conversation.active_at = character.active_at = now()
    return conversation.history_version


async def begin(session: AsyncSession, conversation: Conversation, message: Message, writer: str) -> Run:
    """Open a run that goes on at the end of the message's text."""
    run = Run(
        conversation_id=conversation.id,
        started=touch(conversation),
        message_id=message.id,
        start_offset=len(message.content),
        writer=writer,
        lease_until=now() + LEASE,
    )
    message.status, message.finish_reason, message.failure = Status.PENDING, None, None
    session.add(run)
    return run


async def unfinished(session: AsyncSession, conversation_id: str) -> Run | None:
    return await session.scalar(select(Run).where(Run.conversation_id == conversation_id, Run.ended.is_(None)))


async def keep(session: AsyncSession, key: RunKey, message_id: str, writer: str, text: str | None) -> bool:
    """Renew the lease and store the text so far, if it has grown; tell whether the run is still the writer's."""
    held = await session.execute(
        update(Run).where(_open(key), Run.writer == writer).values(lease_until=now() + LEASE)
    )
    if not _changed(held):
        return False
    if text is not None:
        await session.execute(
            update(Message).where(Message.id == message_id).values(content=text, status=Status.STREAMING)
        )
    return True


async def end(
    session: AsyncSession, key: RunKey, outcome: Outcome, text: str | None = None, writer: str | None = None
) -> bool:
    """Close the run with the message's final text (None: the text stored so far).

    Tells whether it was open, and the writer's if one is given.
    """
    run = await session.scalar(select(Run).where(_open(key)).with_for_update())
    if run is None or (writer is not None and run.writer != writer):
        return False
    conversation = await session.get_one(Conversation, key.conversation_id)
    message = await session.get_one(Message, run.message_id)
    message.content = message.content if text is None else text
    run.ended = touch(conversation, await session.get_one(Character, conversation.character_id))
    run.end_offset = len(message.content)
    run.usage = outcome.usage
    for row in (run, message):
        row.status, row.finish_reason, row.failure = outcome.status, outcome.finish_reason, outcome.failure
        row.model = outcome.model or row.model
    message.usage = outcome.usage.plus(message.usage) if outcome.usage else message.usage
    message.updated_at = now()
    return True


async def abandoned(session: AsyncSession, writer: str) -> list[Run]:
    """Return the open runs that nobody writes: their lease is out, or their process on this host is gone."""
    others = await session.scalars(select(Run).where(Run.ended.is_(None), Run.writer != writer))
    return [run for run in others if is_abandoned(run, writer)]


async def interrupt(session: AsyncSession, left: list[Run]) -> None:
    """End runs whose writer is gone, keeping the text stored so far; whoever comes first does it."""
    for run in left:
        await end(session, RunKey(run.conversation_id, run.started), INTERRUPTED)


def is_abandoned(run: Run, writer: str) -> bool:
    """A writer never reaps its own runs."""
    return run.writer != writer and (run.lease_until < now() or _process_is_gone(run.writer, writer))


def _process_is_gone(other: str, mine: str) -> bool:
    host, process = other.rsplit(":", 2)[:2]
    my_host, my_process = mine.rsplit(":", 2)[:2]
    # Elsewhere, signal 0 is not a question but a Ctrl-C.
    if host != my_host or os.name != "posix":
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # Our own number under another name belonged to somebody before us.
    return process == my_process


def _open(key: RunKey) -> ColumnElement[bool]:
    return (Run.conversation_id == key.conversation_id) & (Run.started == key.started) & Run.ended.is_(None)


def _changed(result: object) -> bool:
    return isinstance(result, CursorResult) and result.rowcount > 0
