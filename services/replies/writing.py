"""A run that this process writes: its growing text, and how it ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from models import TokenUsage
from services.broker import LiveReply
from services.engines import Prompt
from services.engines.tokens import estimated_usage
from services.runs import Outcome, RunKey

logger = logging.getLogger("repartee.replies")


@dataclass(frozen=True)
class Assignment:
    """A run to write: whose, which, on which message, and after which text.

    `build_prompt` may raise EngineError and ReplyDeleted.
    """

    owner: str
    key: RunKey
    message_id: str
    text: str
    build_prompt: Callable[[], Awaitable[Prompt]]


class Writing:
    """The first to end it decides how it ends: the engine, a stop, or the loss of the run."""

    def __init__(self, assignment: Assignment, live: LiveReply, default_model: str | None) -> None:
        self.assignment = assignment
        self.live = live
        self.prompt: Prompt | None = None
        self.stored_length = len(assignment.text)
        self.outcome: Outcome | None = None
        self.is_lost = False
        self.producing: asyncio.Task[Outcome] | None = None
        self._default_model = default_model

    @property
    def is_ended(self) -> bool:
        return self.is_lost or self.outcome is not None

    @property
    def text(self) -> str:
        return self.live.part(0, len(self.live))

    @property
    def has_grown(self) -> bool:
        """Whether there is text that is not stored yet."""
        return len(self.live) != self.stored_length

    def end(self, outcome: Outcome) -> Outcome:
        """Lets the engine stop now. Returns how the run ends, with its usage and model."""
        if self.outcome is None:
            self.outcome = replace(
                outcome, usage=outcome.usage or self._usage(), model=outcome.model or self._default_model
            )
            self._stop_engine()
        return self.outcome

    def lose(self) -> None:
        """Lets the engine stop now: the run was deleted, or ended by another process. Nothing will be stored."""
        self.is_lost = True
        self._stop_engine()

    def _stop_engine(self) -> None:
        if self.producing is not None:
            self.producing.cancel()

    def _usage(self) -> TokenUsage | None:
        """Estimates the tokens used so far; None when the engine was not asked yet."""
        written = self.live.part(len(self.assignment.text), len(self.live))
        return estimated_usage(self.prompt, written) if self.prompt else None
