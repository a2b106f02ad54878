"""Whatever can continue a conversation: one method, text out as it comes."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from models import Failure, FailureCode, FinishReason, Generation, Role, TokenUsage


@dataclass(frozen=True)
class Turn:
    role: Role
    content: str


@dataclass(frozen=True)
class Prompt:
    """What an engine reads. `speaker` is the name of whoever answers.

    With `continues`, the last turn is the beginning of the answer itself, and the engine writes on at its end.
    """

    turns: Sequence[Turn]
    speaker: str
    generation: Generation = field(default_factory=Generation)
    continues: bool = False


@dataclass(frozen=True)
class Piece:
    """What came next: storable text, without NUL or lone surrogates. Only the last piece has `finish`.

    Empty text is a sign of progress (reasoning).
    """

    text: str = ""
    finish: FinishReason | None = None
    usage: TokenUsage | None = None
    model: str | None = None


@dataclass(frozen=True)
class Model:
    """Something that can answer; `name` is what `Generation.model` takes."""

    name: str
    is_default: bool
    context_length: int | None = None


class EngineError(Exception):
    """The engine could not answer, or not go on; `failure` says why in words fit for the user."""

    def __init__(
        self, code: FailureCode, message: str, retryable: bool, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(message)
        self.failure = Failure(code, message, retryable, retry_after_seconds)


class EngineConfigurationError(Exception):
    """No engine can be made of these settings; the text says in one line what is wrong and what to do."""


class Engine(Protocol):
    """`name` and `reason` tell people what answers and why it was chosen.

    `prompt_limit` is how many tokens a prompt may have, `default_model` what answers when nobody wishes otherwise.
    """

    @property
    def name(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def prompt_limit(self) -> int: ...
    @property
    def default_model(self) -> str | None: ...

    def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Yield the reply piece by piece, the last one with `finish`. Raise EngineError when it cannot go on.

        Closing the iterator ends the work, at the provider too.
        """
        ...

    async def models(self) -> Sequence[Model]:
        """Return what can answer. Raise EngineError when the engine cannot tell."""
        ...

    async def close(self) -> None:
        """End whatever the engine started."""
        ...
