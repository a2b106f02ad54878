"""Engines: the interface of everything that can write the next reply of a conversation."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from models import Failure, FailureCode, FinishReason, Generation, Role, TokenUsage


@dataclass(frozen=True)
class PromptTurn:
    """One message of a prompt."""

    role: Role
    content: str


@dataclass(frozen=True)
class Prompt:
    """Input of an engine. `speaker` is the name of the character that replies.

    With `continues`, the last turn is the beginning of the reply, and the engine writes what comes after it.
    """

    turns: Sequence[PromptTurn]
    speaker: str
    generation: Generation = field(default_factory=Generation)
    continues: bool = False


@dataclass(frozen=True)
class Piece:
    """Part of a reply. Only the last piece has `finish`; an empty text reports progress, such as reasoning.

    `text` and `model` are storable: no NUL, no lone surrogates; `model` has at most 200 characters.
    """

    text: str = ""
    finish: FinishReason | None = None
    usage: TokenUsage | None = None
    model: str | None = None


@dataclass(frozen=True)
class Model:
    """Model of an engine; `name` is what `Generation.model` accepts."""

    name: str
    is_default: bool
    context_length: int | None = None


class EngineError(Exception):
    """Failure of an engine before or during a reply; `failure` has the reason in words that users may read."""

    def __init__(
        self, code: FailureCode, message: str, retryable: bool, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(message)
        self.failure = Failure(code, message, retryable, retry_after_seconds)


class EngineConfigurationError(Exception):
    """Settings from which no engine can be built; the message is one line with the setting and the way out."""


class TokenCounter(Protocol):
    """Counts the tokens of texts; a chat template adds some around each."""

    def least(self, text: str) -> int:
        """Returns a number that `count` never returns less than, without asking anybody."""
        ...

    async def count(self, texts: Sequence[str]) -> Sequence[int]:
        """Returns the tokens of each text. Raises EngineError."""
        ...


class Engine(Protocol):
    """Interface of an engine. `name` and `reason` tell operators which engine runs and why it was chosen.

    `prompt_limit` is the maximum of tokens in a prompt, as `tokens` counts them; `default_model` replies when a
    prompt names no model.
    """

    @property
    def name(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def prompt_limit(self) -> int: ...
    @property
    def tokens(self) -> TokenCounter: ...
    @property
    def default_model(self) -> str | None: ...

    def reply(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Yields the pieces of the reply, the last one with `finish`. Raises EngineError when it fails.

        Closing the iterator cancels the reply, at the provider too.
        """
        ...

    async def models(self) -> Sequence[Model]:
        """Returns the available models. Raises EngineError when they cannot be listed."""
        ...

    async def close(self) -> None:
        """Releases the connections and processes of the engine."""
        ...
