"""The question for an engine's models, asked once for all who ask at about the same time."""

import asyncio
from collections.abc import Sequence

from services.engines import Engine, Model

# Seconds for which an answer holds.
FRESH = 30.0
# How many models an answer has at most; a service can offer thousands.
MAX_MODELS = 500


class Models:
    """An engine of its own process or of another server takes up to seconds to say what it has."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asking: asyncio.Task[Sequence[Model]] | None = None
        self._asked_at = 0.0

    async def all(self) -> Sequence[Model]:
        """Returns the models, as they were at most `FRESH` seconds ago. Raises EngineError."""
        now = asyncio.get_running_loop().time()
        if self._asking is None or self._is_over(self._asking, now):
            self._asking, self._asked_at = asyncio.create_task(self._engine.models()), now
        # Of several who wait, one that leaves does not take the answer from the others.
        return (await asyncio.shield(self._asking))[:MAX_MODELS]

    def _is_over(self, asking: "asyncio.Task[Sequence[Model]]", now: float) -> bool:
        failed = asking.done() and (asking.cancelled() or asking.exception() is not None)
        return failed or (asking.done() and now - self._asked_at > FRESH)

    async def close(self) -> None:
        """Ends a question that nobody waits for. Comes before the engine is closed."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
