"""GraphQL types GenerationSettings, TokenUsage and ReplyFailure."""

import strawberry

from models import FailureCode
from schema import descriptions


@strawberry.type(
    description="Settings for generating replies. A setting that is null is inherited: a reply takes it from its "
    "conversation, else from the character, else from the server."
)
class GenerationSettings:
    model: str | None = strawberry.field(description=descriptions.MODEL)
    temperature: float | None = strawberry.field(description=descriptions.TEMPERATURE)
    top_p: float | None = strawberry.field(description=descriptions.TOP_P)
    min_p: float | None = strawberry.field(description=descriptions.MIN_P)
    top_k: int | None = strawberry.field(description=descriptions.TOP_K)
    frequency_penalty: float | None = strawberry.field(description=descriptions.FREQUENCY_PENALTY)
    presence_penalty: float | None = strawberry.field(description=descriptions.PRESENCE_PENALTY)
    max_tokens: int | None = strawberry.field(description=descriptions.MAX_TOKENS)
    stop: list[str] | None = strawberry.field(description=descriptions.STOP)
    seed: int | None = strawberry.field(description=descriptions.SEED)


@strawberry.type(description="Tokens used by a reply.")
class TokenUsage:
    prompt_tokens: int = strawberry.field(description="Tokens of the prompt.")
    completion_tokens: int = strawberry.field(description="Tokens generated for the reply.")
    total_tokens: int = strawberry.field(description="Tokens of the prompt and of the reply together.")
    estimated: bool = strawberry.field(
        name="isEstimated",
        description="Whether the server estimated the numbers because the engine reported none.",
    )


@strawberry.type(description="Why a reply failed.")
class ReplyFailure:
    code: FailureCode = strawberry.field(description="The kind of failure.")
    message: str = strawberry.field(description="What failed, in words that are safe to show to users.")
    retryable: bool = strawberry.field(
        name="isRetryable", description="Whether the reply may succeed when it is tried again."
    )
    retry_after_seconds: int | None = strawberry.field(
        description="Seconds to wait before trying again; null when the engine named none."
    )


@strawberry.input(
    description="Sets how replies are generated, as in GenerationSettings. For a new object or for one reply, a "
    "setting that is omitted or null is inherited. In an update, an omitted setting stays as it is, and null "
    "makes it inherited."
)
class GenerationInput:
    model: str | None = strawberry.field(default=strawberry.UNSET, description=descriptions.MODEL)
    temperature: float | None = strawberry.field(default=strawberry.UNSET, description=descriptions.TEMPERATURE)
    top_p: float | None = strawberry.field(default=strawberry.UNSET, description=descriptions.TOP_P)
    min_p: float | None = strawberry.field(default=strawberry.UNSET, description=descriptions.MIN_P)
    top_k: int | None = strawberry.field(default=strawberry.UNSET, description=descriptions.TOP_K)
    frequency_penalty: float | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.FREQUENCY_PENALTY
    )
    presence_penalty: float | None = strawberry.field(
        default=strawberry.UNSET, description=descriptions.PRESENCE_PENALTY
    )
    max_tokens: int | None = strawberry.field(default=strawberry.UNSET, description=descriptions.MAX_TOKENS)
    stop: list[str] | None = strawberry.field(default=strawberry.UNSET, description=descriptions.STOP)
    seed: int | None = strawberry.field(default=strawberry.UNSET, description=descriptions.SEED)
