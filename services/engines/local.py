"""Engine for a small model on this machine, which runs in a separate process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.engines import Prompt
from services.engines.completion import Dialect
from services.engines.connection import Patience
from services.engines.local_process import Address, LocalModel
from services.engines.local_sharing import SharedModel
from services.engines.openai import OpenAIEngine, Provider
from services.engines.recent import RecentPrompts
from services.engines.sessions import LocalSessions
from services.engines.tokenizing import Tokenizer
from services.engines.weights import Weights

# The rest of the context is for the reply and for the chat template's tokens around each turn.
_PROMPT_LIMIT = 1500
# Equal parts of two prompts that are shorter are computed anew.
_REUSED_TOKENS = 32
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
    """Engine that starts its own OpenAI-compatible server for a model file, or shares the one of `shared`."""

    name = "local"

    def __init__(self, reason: str, weights: Weights, timeout: float, shared: Path | None = None) -> None:
        self._model = SharedModel(shared) if shared else LocalModel(weights)
        provider = Provider(
            "http://local",
            model=weights.name,
            prompt_limit=_PROMPT_LIMIT,
            dialect=Dialect(supports_prefill=True),
            extra=_REQUEST_DEFAULTS,
        )
        super().__init__(reason, provider, 1, Patience(timeout, pauses=(0.1,)), LocalSessions(self._model))
        self._recent = RecentPrompts()
        self.tokens = Tokenizer(self._connection)

    def _extra(self, prompt: Prompt) -> Mapping[str, Any]:
        """Lets the model keep what it has computed for the messages that stay when the window moves.

        That depends on the messages before them, so it is not kept for a conversation in which others came before.
        """
        has_moved = self._recent.have_moved_to(prompt)
        return {**super()._extra(prompt), "n_cache_reuse": _REUSED_TOKENS if has_moved else 0}

    @property
    def pid(self) -> int | None:
        """Process id of the running model; None while no process of ours runs."""
        return self._model.pid

    async def address(self) -> Address:
        """Returns where the model is served, for other processes. Raises EngineError."""
        return await self._model.address()
