"""Views: what watchers see of a conversation at one state of its rows, and the text that grows meanwhile."""

from dataclasses import dataclass, field

from models import Conversation
from services.broker.texts import Text
from services.streaming.cursors import Cursor
from services.streaming.events import ReplyDelta
from services.streaming.replay import Log, Step, next_event

# Steps remembered at once: watchers that are up to date are all at one of the last few cursors.
_MAX_STEPS = 32


@dataclass(eq=False)
class View:
    """The rows at history version `head`, for all who know what happened up to `since`; None: they are deleted.

    The views that watchers share have consecutive numbers. One that a late watcher read for itself is near its
    cursor only. `answers` is of the change that the view is to its watchers; see services.streaming.events.
    """

    conversation: Conversation | None
    log: Log
    since: int
    head: int
    number: int
    is_shared: bool = True
    answers: dict[object, bytes] = field(default_factory=dict)
    _steps: dict[Cursor, Step] = field(default_factory=dict)
    _growing: Text | None = None
    _length: int = 0
    _running: int = 0
    _last_edit: int = 0

    def __post_init__(self) -> None:
        self._last_edit = max((message.edited_version for message in self.log.messages.values()), default=0)
        if run := self.log.running:
            self._running, self._growing = run.started, self.log.messages[run.message_id].text

    @property
    def versions(self) -> tuple[int, int] | None:
        """The conversation's versions, as the clock compares them; None when it is deleted."""
        if self.conversation is None:
            return None
        return self.conversation.history_version, self.conversation.version

    def covers(self, at: Cursor) -> bool:
        """Returns whether this is enough for a watcher that begins at the cursor."""
        return self.since <= at.version <= self.head and (at.run == 0 or at.run in self.log.runs)

    def step(self, at: Cursor) -> Step:
        """Returns the event after the cursor, the same one for all who ask, and the cursor after it."""
        length = 0 if self._growing is None else len(self._growing)
        if length != self._length or len(self._steps) >= _MAX_STEPS:
            self._length = length
            self._steps.clear()
        step = self._steps.get(at)
        if step is None:
            step = self._steps[at] = next_event(self.log, at)
            if isinstance(step[0], ReplyDelta) and self._ends_at(step[1]):
                self._steps[step[1]] = None, step[1]
        return step

    def _ends_at(self, at: Cursor) -> bool:
        """Returns whether all of the text that grows was sent, so that only more of it can come next."""
        return at.run == self._running and at.sent == self._length and at.version >= self._last_edit
