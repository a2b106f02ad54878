"""A limit for what one statement reads from PostgreSQL: its driver would put all of it into memory first.

The bytes that arrive are counted before the driver gets them. Too many of them end the connection, since nothing
else keeps the rest from arriving.
"""

import asyncio
from typing import Any

from sqlalchemy import Connection, PoolProxiedConnection, event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from models.sqlite_connections import ReadTooLarge

_METER = "repartee_meter"


class _Meter(asyncio.Protocol):
    """Stands between a connection's transport and the driver's protocol. A statement has `left` bytes to read."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._driver: Any = transport.get_protocol()
        self.left: int | None = None

    @property
    def is_exceeded(self) -> bool:
        return self.left is not None and self.left < 0

    def data_received(self, data: bytes) -> None:
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                self._transport.abort()
                return
        self._driver.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._driver.connection_lost(error)

    def eof_received(self) -> bool | None:
        is_kept: bool | None = self._driver.eof_received()
        return is_kept

    def pause_writing(self) -> None:
        self._driver.pause_writing()

    def resume_writing(self) -> None:
        self._driver.resume_writing()


def limit_reads(engine: AsyncEngine, max_read: int) -> None:
    """Lets no statement outside a transaction read more than `max_read` bytes; it raises ReadTooLarge."""

    @event.listens_for(engine.sync_engine, "connect")
    def place_meter(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        transport = entry.driver_connection._transport  # type: ignore[union-attr]
        entry.info[_METER] = meter = _Meter(transport)
        transport.set_protocol(meter)

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def begin(connection: Connection, *_: Any) -> None:
        is_alone = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        connection.info[_METER].left = max_read if is_alone else None

    @event.listens_for(engine.sync_engine, "handle_error")
    def explain(context: ExceptionContext) -> None:
        if context.connection is not None and context.connection.info[_METER].is_exceeded:
            # The other connections are as good as before.
            context.invalidate_pool_on_disconnect = False
            raise ReadTooLarge(max_read) from context.original_exception


def lift_limit(connection: PoolProxiedConnection) -> None:
    """Lets a statement that SQLAlchemy does not see read any amount; it has to have a limit of its own."""
    connection.info[_METER].left = None
