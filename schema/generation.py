"""How replies are generated, what they cost, and why they fail."""

import strawberry

from models import FailureCode


@strawberry.type(
    description="How replies are generated; null means: as the level above says (conversation, character, server)."
)
class GenerationSettings:
    model: str | None = strawberry.field(description="Which model answers; see `models`.")
    temperature: float | None = strawberry.field(description="How freely it chooses its words: 0 to 2.")
    top_p: float | None = strawberry.field(description="From which part of the likeliest words: 0 to 1.")
    max_tokens: int | None = strawberry.field(description="How long a reply may be.")
    stop: list[str] | None = strawberry.field(description="Texts before which a reply ends.")
    seed: int | None = strawberry.field(description="The same seed makes, where the engine can, the same reply.")


@strawberry.type(description="What a reply cost.")
class TokenUsage:
    prompt_tokens: int = strawberry.field(description="Tokens that were read.")
    completion_tokens: int = strawberry.field(description="Tokens that were written.")
    total_tokens: int = strawberry.field(description="Both together.")
    estimated: bool = strawberry.field(description="Whether the engine did not count, and the server estimated.")


@strawberry.type(description="Why a reply failed.")
class ReplyFailure:
    code: FailureCode = strawberry.field(description="What kind of failure it was.")
    message: str = strawberry.field(description="In words safe to show.")
    retryable: bool = strawberry.field(description="Whether trying again may help.")
    retry_after_seconds: int | None = strawberry.field(description="How long to wait before trying again.")


@strawberry.input(description="See GenerationSettings.")
class GenerationInput:
    model: str | None = strawberry.field(
        default=strawberry.UNSET, description="Which model answers; see `models`."
    )
    temperature: float | None = strawberry.field(
        default=strawberry.UNSET, description="How freely it chooses its words: 0 to 2."
    )
    top_p: float | None = strawberry.field(
        default=strawberry.UNSET, description="From which part of the likeliest words: 0 to 1."
    )
    max_tokens: int | None = strawberry.field(default=strawberry.UNSET, description="How long a reply may be.")
    stop: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Texts before which a reply ends."
    )
    seed: int | None = strawberry.field(
        default=strawberry.UNSET, description="The same seed makes, where the engine can, the same reply."
    )
