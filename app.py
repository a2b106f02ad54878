"""The server: reads the settings, builds each part with what it needs, and serves them.

`python app.py [serve|migrate|export-schema|import|export]`
"""

import argparse
import asyncio
import contextlib
import gc
import importlib
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, cast

from pydantic import ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models import LOCAL_OWNER, Database, Unavailable
from schema import sdl
from schema.endpoint import GraphQLEndpoint
from schema.endpoint.http.server import Server, server_config
from services import Services
from services.broker.memory import MemoryBroker
from services.engines import EngineConfigurationError, EngineError
from services.engines.asking import Models
from services.engines.choosing import choose_engine
from services.importing import commands as import_commands
from services.legacy import FORMAT as LEGACY
from services.search import filling
from services.server import VERSION
from services.settings import Settings
from services.welcome import welcome

logger = logging.getLogger("repartee")

_HEALTH_SECONDS = 5


class StartError(Exception):
    """The server cannot start; the text says why in one line, and what to do."""


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Services]:
    """Opens every part, and closes them in reverse order. Raises StartError."""
    engine = choose_engine(settings)
    database = Database(settings.database_url, settings.max_answer)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        stack.push_async_callback(database.close)
        is_new = await _migrated(database)
        services = Services.build(settings, database, MemoryBroker(), engine)
        stack.push_async_callback(services.close)
        await services.open()
        if is_new:
            await welcome(services.characters, services.conversations, LOCAL_OWNER)
        warming = asyncio.create_task(_warm_up(services.models))
        stack.callback(warming.cancel)
        yield services


async def _warm_up(models: Models) -> None:
    """Loads the model before the first request needs it, and warns early if that fails."""
    try:
        await models.all()
    except EngineError as error:
        logger.warning("The engine does not answer yet: %s", error.failure.message)


def create_app(services: Services) -> Starlette:
    async def health(request: Request) -> Response:
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                # Any read shows whether the database answers; an id that is none finds nothing.
                await services.characters.by_ids(LOCAL_OWNER, ["health"])
        except (TimeoutError, Unavailable, SQLAlchemyError) as error:
            logger.warning("The database does not answer: %s", error)
            return JSONResponse({"status": "unavailable", "version": VERSION}, 503)
        return JSONResponse({"status": "ok", "version": VERSION})

    try:
        endpoint = GraphQLEndpoint(services)
    except ValueError as error:
        raise StartError(str(error)) from error
    return Starlette(
        routes=[Route("/health", health), *endpoint.routes("/graphql")],
        middleware=endpoint.middleware("/graphql"),
    )


async def serve(settings: Settings) -> None:
    listener = _listen(settings)
    async with running(settings) as services:
        config = server_config(create_app(services), settings)
        print(_announcement(settings, services, listener), flush=True)
        server = Server(config, services)
        _spare_event_loop()
        await server.serve(sockets=[listener])
        if server.force_exit:
            # Whoever presses Ctrl-C again waits for no reply; the next start ends what this one leaves.
            cast("asyncio.Task[None]", asyncio.current_task()).cancel()


def _spare_event_loop() -> None:
    """Lets Python look for cyclic garbage seldom, and not among what exists by now, which stays.

    With its own thresholds it looked at everything in the middle of a large query, for 100 to 250 ms.
    """
    gc.freeze()
    gc.set_threshold(20_000, 5, 25)


async def migrate(settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        await _migrated(database)
        await filling.fill_all(database, filling.Progress().show)
    finally:
        await database.close()
    print(f"The tables of {_shown(database)} are up to date.")


async def export_schema(settings: Settings) -> None:
    print(sdl())


async def _migrated(database: Database) -> bool:
    try:
        return await database.migrate()
    except Unavailable as error:
        raise StartError(
            f"Another program has the database {_shown(database)} locked. Start again when it is done."
        ) from error
    except (DBAPIError, OSError) as error:
        cause = getattr(error, "orig", error)
        raise StartError(f"The database {_shown(database)} cannot be used: {cause}.") from error


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
        # asyncio does not set it for such a socket, and an answer in two parts would wait for the client's ack.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            # The kernel sees more than the server does: what it took for a client that no longer takes it.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(settings.send_timeout * 1000))
        return listener
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        raise StartError(
            f"Cannot listen on {address}: {error.strerror}. Set REPARTEE_PORT to another one, or to 0."
        ) from error


def _announcement(settings: Settings, services: Services, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return "\n".join(
        [
            f"Repartee {VERSION}",
            f"  open      http://{host}:{listener.getsockname()[1]}/",
            f"  engine    {services.engine.name} ({services.engine.reason})",
            f"  database  {make_url(settings.database_url).render_as_string(hide_password=True)}",
            "  Ctrl-C ends it.",
        ]
    )


def _shown(database: Database) -> str:
    return database.url.render_as_string(hide_password=True)


_COMMANDS: dict[str, tuple[Callable[[Settings], Coroutine[Any, Any, None]], str]] = {
    "serve": (serve, "answer requests; what happens without a command"),
    "migrate": (migrate, "bring the database's tables up to date"),
    "export-schema": (export_schema, "print the GraphQL schema"),
}


def _parser() -> argparse.ArgumentParser:
    """Returns a parser whose result has `run`: a command that takes the settings and the result."""
    parser = argparse.ArgumentParser(prog="app.py", description="A GraphQL server for character chat.")
    parser.set_defaults(run=lambda settings, _: serve(settings))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (command, purpose) in _COMMANDS.items():
        added = commands.add_parser(name, help=purpose)
        added.set_defaults(run=lambda settings, _, command=command: command(settings))
    import_commands.add_to(commands, LEGACY)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = Settings()
        _log(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(options.run(settings, options)) or 0
    except ValidationError as error:
        first = error.errors()[0]
        return _failed(f"REPARTEE_{str(first['loc'][0]).upper()} is wrong: {first['msg']}.")
    except (StartError, EngineConfigurationError) as error:
        return _failed(str(error))
    except (ArgumentError, NoSuchModuleError) as error:
        return _failed(f"REPARTEE_DATABASE_URL is wrong: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Returns uvloop's event loops where they exist, because they answer small requests faster."""
    return None if sys.platform == "win32" else importlib.import_module("uvloop").new_event_loop


def _log(settings: Settings) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("repartee").setLevel(settings.log_level.upper())


def _failed(reason: str) -> int:
    print(f"Repartee cannot start. {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
