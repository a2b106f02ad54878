"""Choice of the broker: in memory for one process, or a relay over the wire that the settings name.

A wire's module is imported when it is chosen: its package is there only where it is needed.
"""

from pathlib import Path

from sqlalchemy import make_url

from services.broker.memory import MemoryBroker
from services.broker.relay import RelayBroker
from services.broker.wires import Wire
from services.settings import Settings


class BrokerConfigurationError(Exception):
    """The settings name no broker that can be used."""


def choose_broker(settings: Settings, hub: Path | None = None) -> MemoryBroker:
    """Returns the broker, not started yet. `hub` is the socket of the supervisor, if there is one.

    Raises BrokerConfigurationError.
    """
    wire = _wire(settings, hub)
    return RelayBroker(wire) if wire else MemoryBroker()


def _wire(settings: Settings, hub: Path | None) -> Wire | None:
    if settings.broker_url is not None:
        return _redis(settings.broker_url.get_secret_value(), settings.broker_prefix)
    url = make_url(settings.database_url)
    if url.get_backend_name() in ("postgresql", "postgres"):
        from services.broker.wires.postgres import PostgresWire

        return PostgresWire(url, settings.broker_prefix)
    if hub is None:
        return None
    from services.broker.wires.hub import HubWire

    return HubWire(hub)


def _redis(url: str, prefix: str) -> Wire:
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise BrokerConfigurationError(
            "REPARTEE_BROKER_URL must begin with redis:// or rediss://, for Redis or Valkey"
        )
    try:
        from services.broker.wires.redis import RedisWire
    except ModuleNotFoundError as error:
        raise BrokerConfigurationError(
            "REPARTEE_BROKER_URL needs a package more: pip install --no-deps -r requirements-server.txt"
        ) from error
    return RedisWire(url, prefix)
