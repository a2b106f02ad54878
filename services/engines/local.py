"""Engine for a small model on this machine, which runs in a separate process."""

from services.engines.completion import Dialect
from services.engines.connection import Patience
from services.engines.local_process import LocalTransport
from services.engines.openai import OpenAIEngine, Provider
from services.engines.tokenizing import Tokenizer
from services.engines.weights import Weights

# The rest of the context is for the reply and for the chat template's tokens around each turn.
_PROMPT_LIMIT = 1500
_REQUEST_DEFAULTS = {
    "max_tokens": 256,
    "temperature": 0.6,
    "top_p": 0.9,
    "min_p": 0.1,
    # A model this small repeats itself without a penalty.
    "repeat_penalty": 1.1,
    "cache_prompt": True,
    # Evaluating a long prompt can take longer than the time-out; its progress resets the time-out.
    "return_progress": True,
}


class LocalEngine(OpenAIEngine):
    """Engine that starts its own OpenAI-compatible server for a model file."""

    name = "local"

    def __init__(self, reason: str, weights: Weights, timeout: float) -> None:
        self._transport = LocalTransport(weights)
        provider = Provider(
            "http://local",
            model=weights.name,
            prompt_limit=_PROMPT_LIMIT,
            dialect=Dialect(supports_prefill=True),
            extra=_REQUEST_DEFAULTS,
        )
        super().__init__(reason, provider, 1, Patience(timeout, pauses=(0.1,)), self._transport)
        self.tokens = Tokenizer(self._connection)

    @property
    def pid(self) -> int | None:
        """Process id of the running model; None while no process runs."""
        return self._transport.pid
