"""Counting tokens where nobody counts them."""

from models import TokenUsage
from services.engines import Prompt


def estimate(text: str) -> int:
    """Return how many tokens a text has at the most, about: three bytes make one."""
    return -(-len(text.encode(errors="replace")) // 3)


def estimated_usage(prompt: Prompt, reply: str) -> TokenUsage:
    return TokenUsage(sum(estimate(turn.content) for turn in prompt.turns), estimate(reply), estimated=True)
