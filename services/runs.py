"""Runs in the database: beginning and ending one. Each function works inside its caller's transaction.

Every change is conditional on the run being open, and on its writer, so that a writer that has lost its run (to a
stop, a deletion, or a lease that ran out) changes nothing.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Conversation,
    Failure,
    FailureCode,
    FinishReason,
    Message,
    Prepared,
    PreparedInsert,
    Run,
    Status,
    TokenUsage,
    now,
    store_changes,
)
from services.errors import ReplyInProgress
from services.locking import count_change, find_and_lock, locks_rows, mark_active
from services.search import texts
from services.usage import UsageService


@dataclass(frozen=True)
class RunKey:
    conversation_id: str
    started: int


@dataclass(frozen=True)
class Outcome:
    """How a run ends."""

    status: Status
    finish_reason: FinishReason | None = None
    failure: Failure | None = None
    usage: TokenUsage | None = None
    model: str | None = None


_STORE = PreparedInsert(Run)
_OPEN = Prepared(
    select(Conversation, Run, Message)
    .join(Run, Run.conversation_id == Conversation.id)
    .join(Message, Message.id == Run.message_id)
    .where(
        Conversation.id == bindparam("conversation"),
        Run.started == bindparam("started_at"),
        Run.ended.is_(None),
    )
)

STOPPED = Outcome(Status.STOPPED, FinishReason.STOPPED)
INTERRUPTED = Outcome(
    Status.INTERRUPTED,
    failure=Failure(
        FailureCode.INTERRUPTED,
        "The server stopped while it wrote this reply. Continue the reply.",
        retryable=True,
    ),
)


async def begin(session: AsyncSession, conversation: Conversation, message: Message, writer: str) -> RunKey:
    """Opens a run that writes on at the end of the text of a pending message, in a locked conversation."""
    key = RunKey(conversation.id, count_change(conversation))
    run = {
        "conversation_id": key.conversation_id,
        "started": key.started,
        "message_id": message.id,
        "start_offset": len(message.content),
        "status": Status.PENDING,
        "writer": writer,
        "stop_wanted": False,
    }
    await _STORE.store(session, [run])
    return key


async def open_run(session: AsyncSession, conversation_id: str) -> Run | None:
    """Returns the run that is being written in a locked conversation."""
    return await find_and_lock(  # type: ignore[no-any-return]
        session, select(Run).where(Run.conversation_id == conversation_id, Run.ended.is_(None))
    )


async def refuse_when_busy(session: AsyncSession, conversation: Conversation) -> None:
    """Raises ReplyInProgress when a reply is being written in the locked conversation."""
    if run := await open_run(session, conversation.id):
        raise await in_progress(session, run)


async def in_progress(session: AsyncSession, run: Run) -> ReplyInProgress:
    return ReplyInProgress(await session.get_one(Message, run.message_id))


async def end(
    session: AsyncSession,
    key: RunKey,
    outcome: Outcome,
    usage: UsageService,
    text: str | None = None,
    writer: str | None = None,
) -> bool:
    """Ends the run with the message's final text (None: the text stored so far), and counts what it took.

    Returns whether it was open, and written by `writer` if one is given.
    """
    if locks_rows(session):
        await find_and_lock(session, select(Conversation).where(Conversation.id == key.conversation_id))
    found = (await _OPEN.rows(session, conversation=key.conversation_id, started_at=key.started)).one_or_none()
    if found is None:
        return False
    conversation, run, message = found
    if writer not in (None, run.writer):
        return False
    message.content = message.content if text is None else text
    _close(run, message, outcome)
    run.ended = count_change(conversation)
    await mark_active(session, conversation)
    # The next run may begin in the same transaction, and only one is open at a time.
    await store_changes(session)
    await texts.keep(session, message)
    await usage.record(session, conversation.owner, outcome.usage, message.content[run.start_offset :])
    return True


def _close(run: Run, message: Message, outcome: Outcome) -> None:
    run.end_offset = len(message.content)
    run.status, run.finish_reason, run.failure = outcome.status, outcome.finish_reason, outcome.failure
    message.status, message.finish_reason, message.failure = outcome.status, outcome.finish_reason, outcome.failure
    run.usage = outcome.usage
    run.model = outcome.model or run.model
    message.model = outcome.model or message.model
    message.usage = outcome.usage.plus(message.usage) if outcome.usage else message.usage
    message.updated_at = now()
