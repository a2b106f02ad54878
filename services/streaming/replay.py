"""A conversation's stream as a pure function of its rows, the running reply's text, and a cursor.

Events that a watcher missed and live ones come from the same function, so no text is sent twice and none is left
out, wherever a stream was cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models import Failure, FinishReason, Status
from services.broker.texts import Text
from services.streaming import cursors
from services.streaming.cursors import REPLACED, Cursor
from services.streaming.events import (
    AsOf,
    ReplyDelta,
    ReplyEvent,
    ReplyFailed,
    ReplyFinished,
    ReplySnapshot,
    ReplyStarted,
)

_NEVER = 1 << 63


@dataclass(frozen=True)
class RunState:
    """A run's row; see models.Run."""

    started: int
    message_id: str
    start_offset: int
    ended: int | None = None
    end_offset: int | None = None
    status: Status = Status.STREAMING
    finish_reason: FinishReason | None = None
    failure: Failure | None = None

    def concerns(self, version: int) -> bool:
        """Returns whether it began or ended after the version, or is still open."""
        return self.started > version or self.ended is None or self.ended > version


@dataclass(frozen=True)
class MessageState:
    """A text, live while it is written. `resumed_at` is the least start offset of a run since the last edit."""

    id: str
    text: Text
    edited_version: int = 0
    resumed_at: int | None = None

    @property
    def replayed_prefix(self) -> int:
        """Length of the text that no run after the edit will replay."""
        return len(self.text) if self.resumed_at is None else min(self.resumed_at, len(self.text))


@dataclass(frozen=True)
class Log:
    """What `next_event` needs at one cursor: all runs and messages, or only the next ones after it."""

    conversation_id: str
    runs: Mapping[int, RunState]
    messages: Mapping[str, MessageState]

    @property
    def running(self) -> RunState | None:
        return next((run for run in self.runs.values() if run.ended is None), None)

    def next_run(self, version: int) -> RunState | None:
        runs = (run for run in self.runs.values() if run.concerns(version))
        return min(runs, key=lambda run: run.started, default=None)

    def next_edit(self, version: int) -> MessageState | None:
        edited = (message for message in self.messages.values() if message.edited_version > version)
        return min(edited, key=lambda message: message.edited_version, default=None)


Step = tuple[ReplyEvent | None, Cursor]


def next_event(log: Log, at: Cursor) -> Step:
    """Returns the event after the cursor, or None when there is none yet, and the cursor after it."""
    if at.run and at.run not in log.runs:
        # Its message was deleted, and the run with it.
        at = Cursor(max(at.version, at.run))
    return _inside(log, at, log.runs[at.run]) if at.run else _between(log, at)


def _inside(log: Log, at: Cursor, run: RunState) -> Step:
    message = log.messages[run.message_id]
    if message.edited_version > run.started:
        if at.sent != REPLACED:
            return _snapshot(log, message, message.replayed_prefix, None, Cursor(at.version, at.run, REPLACED))
    else:
        end = len(message.text) if run.end_offset is None else min(run.end_offset, len(message.text))
        if at.sent > end:
            # The text was delivered, and then lost in a crash.
            return _snapshot(log, message, end, Status.STREAMING, Cursor(at.version, at.run, end))
        if at.sent < end:
            return _delta(log, message, max(at.sent, 0), end, at)
    edited = log.next_edit(at.version)
    if edited and edited.edited_version < (run.ended or _NEVER):
        return _snapshot(log, edited, edited.replayed_prefix, None, Cursor(edited.edited_version, at.run, at.sent))
    return (None, at) if run.ended is None else _final(log, message, run, Cursor(run.ended, 0, REPLACED))


def _between(log: Log, at: Cursor) -> Step:
    run, edited = log.next_run(at.version), log.next_edit(at.version)
    if run and (edited is None or run.started < edited.edited_version):
        return _started(log, log.messages[run.message_id], run, at)
    if edited:
        return _snapshot(log, edited, edited.replayed_prefix, None, Cursor(edited.edited_version))
    return None, at


def _started(log: Log, message: MessageState, run: RunState, at: Cursor) -> Step:
    replaced = message.edited_version > run.started
    length = message.replayed_prefix if replaced else run.start_offset
    then = Cursor(max(at.version, run.started), run.started, REPLACED if replaced else run.start_offset)
    status = Status.STREAMING if length else Status.PENDING
    return ReplyStarted(**_common(log, message, length, status, then), content=message.text.part(0, length)), then


def _delta(log: Log, message: MessageState, start: int, end: int, at: Cursor) -> Step:
    then = Cursor(at.version, at.run, end)
    common = _common(log, message, end, Status.STREAMING, then)
    text = message.text
    return ReplyDelta(**common, offset=text.units(start), delta=text.part(start, end)), then


def _snapshot(log: Log, message: MessageState, length: int, status: Status | None, then: Cursor) -> Step:
    return ReplySnapshot(**_common(log, message, length, status, then), content=message.text.part(0, length)), then


def _final(log: Log, message: MessageState, run: RunState, then: Cursor) -> Step:
    common = _common(
        log, message, len(message.text) if run.end_offset is None else run.end_offset, run.status, then
    )
    if run.failure:
        return ReplyFailed(**common, failure=run.failure), then
    return ReplyFinished(**common, finish_reason=run.finish_reason or FinishReason.END), then


def _common(log: Log, message: MessageState, length: int, status: Status | None, then: Cursor) -> dict[str, Any]:
    cursor = cursors.encode(log.conversation_id, then)
    return {"cursor": cursor, "message_id": message.id, "as_of": AsOf(message.text, length, status, then.version)}
