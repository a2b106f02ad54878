"""Token counts: reading those of a provider, and estimating them where the provider does not count."""

from collections.abc import Sequence
from typing import Any

from models import TokenUsage
from services.engines import Prompt

# The largest value of GraphQL's Int and of an integer column.
_MAX_COUNT = 2**31 - 1


def token_count(value: Any) -> int | None:
    """Returns a provider's token count; None for anything but a number from 0 to 2^31-1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MAX_COUNT else None


def counted_usage(usage: Any) -> TokenUsage | None:
    """Returns the usage that a provider counted; None when it did not count, or reported impossible counts."""
    if not isinstance(usage, dict):
        return None
    prompt_tokens = token_count(usage.get("prompt_tokens"))
    completion_tokens = token_count(usage.get("completion_tokens"))
    if prompt_tokens is None or completion_tokens is None:
        return None
    if token_count(prompt_tokens + completion_tokens) is None:
        return None
    return TokenUsage(prompt_tokens, completion_tokens, estimated=False)


def estimated_usage(prompt: Prompt, reply: str) -> TokenUsage:
    return TokenUsage(sum(estimate(turn.content) for turn in prompt.turns), estimate(reply), estimated=True)


class Estimator:
    """Token counter for models whose tokenizer is not at hand."""

    def least(self, text: str) -> int:
        return estimate(text)

    async def count(self, texts: Sequence[str]) -> Sequence[int]:
        return [estimate(text) for text in texts]


def estimate(text: str) -> int:
    """Returns an upper estimate of the tokens in a text: one token for every three bytes of UTF-8."""
    return -(-len(text.encode(errors="replace")) // 3)
