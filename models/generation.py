"""Generation settings, token usage and failures of replies: values kept inside rows."""

from dataclasses import dataclass
from enum import StrEnum

# The greatest number that GraphQL's Int can hold.
_INT32 = 2**31 - 1


@dataclass(frozen=True)
class Generation:
    """Settings for the model; None means that the level above decides."""

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    seed: int | None = None
    min_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None

    def over(self, lower: "Generation") -> "Generation":
        """Returns these settings; what is None in them is taken from `lower`."""
        return Generation(
            **{
                name: lower_value if (mine := getattr(self, name)) is None else mine
                for name, lower_value in vars(lower).items()
            }
        )


@dataclass(frozen=True)
class TokenUsage:
    """Tokens read and written; `estimated` where the engine did not count."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool

    @property
    def total_tokens(self) -> int:
        return min(self.prompt_tokens + self.completion_tokens, _INT32)

    def plus(self, other: "TokenUsage | None") -> "TokenUsage":
        if other is None:
            return self
        return TokenUsage(
            min(self.prompt_tokens + other.prompt_tokens, _INT32),
            min(self.completion_tokens + other.completion_tokens, _INT32),
            self.estimated or other.estimated,
        )


class FailureCode(StrEnum):
    ENGINE_UNAVAILABLE = "ENGINE_UNAVAILABLE"
    ENGINE_TIMEOUT = "ENGINE_TIMEOUT"
    ENGINE_REFUSED = "ENGINE_REFUSED"
    ENGINE_BROKE_OFF = "ENGINE_BROKE_OFF"
    RATE_LIMITED = "RATE_LIMITED"
    CONTEXT_TOO_LONG = "CONTEXT_TOO_LONG"
    CONTENT_FILTERED = "CONTENT_FILTERED"
    INTERRUPTED = "INTERRUPTED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True)
class Failure:
    """Why a reply failed, in words safe to show."""

    code: FailureCode
    message: str
    retryable: bool
    retry_after_seconds: int | None = None

    def __post_init__(self) -> None:
        # A row gives the code back as plain text, and a newer version may have written one that is unknown here.
        known = self.code in FailureCode.__members__
        object.__setattr__(self, "code", FailureCode(self.code) if known else FailureCode.INTERNAL)


class FinishReason(StrEnum):
    END = "END"
    LENGTH = "LENGTH"
    STOPPED = "STOPPED"
