"""Replies from a small model on this machine, in a process of its own."""

from services.engines.connection import Patience
from services.engines.local_process import LocalProcesses
from services.engines.openai import OpenAIEngine, Provider
from services.engines.weights import Weights

# Leaves room for a reply in the context, and for the model's own marks around each turn.
_PROMPT_LIMIT = 1500
_HABITS = {
    "max_tokens": 256,
    "temperature": 0.6,
    "top_p": 0.9,
    "min_p": 0.1,
    # A model this small falls into repeating itself without it.
    "repeat_penalty": 1.1,
    "cache_prompt": True,
    # Reading a long prompt takes longer than people wait for a sign of life.
    "return_progress": True,
}


class LocalEngine(OpenAIEngine):
    name = "local"

    def __init__(self, reason: str, weights: Weights, timeout: float) -> None:
        self._processes = LocalProcesses(weights)
        provider = Provider(
            "http://local/v1",
            model=weights.name,
            prompt_limit=_PROMPT_LIMIT,
            continues_turns=True,
            extra=_HABITS,
        )
        super().__init__(reason, provider, 1, Patience(timeout, pauses=(0.1,)), self._processes)

    @property
    def pid(self) -> int | None:
        """The process that runs the model, while there is one."""
        return self._processes.pid
