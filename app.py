"""The server: reads the settings, builds each part with what it needs, and serves them.

`python app.py [serve|migrate|export-schema|import|export|copy]`
"""

import argparse
import asyncio
import contextlib
import gc
import importlib
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, cast

from pydantic import SecretStr, ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from starlette.applications import Starlette

from models import LOCAL_OWNER, Database, Unavailable
from schema import sdl
from schema.endpoint import GraphQLEndpoint
from schema.endpoint.health import Health
from schema.endpoint.http.server import Server, listen, server_config
from schema.endpoint.metrics import MetricsError, metrics_served
from services import Services, copying, logs, user_commands
from services.access.modes import AccessMode, is_reachable_by_others, mode_of
from services.access.start_token import StartToken
from services.broker.choosing import BrokerConfigurationError, choose_broker
from services.engines import Engine, EngineConfigurationError, EngineError
from services.engines.asking import Models
from services.engines.choosing import choose_engine
from services.importing import commands as import_commands
from services.legacy import FORMAT as LEGACY
from services.search import filling
from services.server import VERSION
from services.settings import Settings
from services.welcome import welcome
from services.workers.instructions import Instructions, Peers, end_with_supervisor, say_ready
from services.workers.shared import shared_parts
from services.workers.supervisor import Supervisor, WorkerFailed

logger = logging.getLogger("repartee")

# Seconds that a worker gets to end, beside those for its replies and for load balancers.
_END_SECONDS = 30
# Seconds after which a thread gives way to another one. A change hops a dozen times between the event loop and the
# database's thread; beside a busy loop each hop would wait for Python's five milliseconds.
_SWITCH_SECONDS = 0.0005


class StartError(Exception):
    """The server cannot start; the text says why in one line, and what to do."""


@contextlib.asynccontextmanager
async def running(settings: Settings, peers: Peers | None = None) -> AsyncIterator[Services]:
    """Opens every part, and closes them in reverse order. A worker has peers. Raises StartError."""
    engine = choose_engine(settings, peers.model if peers else None)
    database = Database(settings.database_url, settings.max_answer, has_peers=peers is not None)
    broker = choose_broker(settings, peers.hub if peers else None)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        stack.push_async_callback(database.close)
        is_new = await _migrated(database)
        broker.start()
        stack.push_async_callback(broker.close)
        try:
            services = Services.build(settings, database, broker, engine)
        except ValueError as error:
            raise StartError(str(error)) from error
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
    try:
        endpoint = GraphQLEndpoint(services)
    except ValueError as error:
        raise StartError(str(error)) from error
    return Starlette(
        routes=[*Health(services).routes(), *endpoint.routes("/graphql")],
        middleware=endpoint.middleware("/graphql"),
    )


async def serve(settings: Settings, workers: int = 1) -> None:
    listener = _listen(settings)
    if settings.access == "open" and is_reachable_by_others(settings):
        logger.warning("The server is open: whoever reaches it can read and change everything.")
    await (_supervise(settings, listener, workers) if workers > 1 else _serve_alone(settings, listener))


async def _serve_alone(settings: Settings, listener: socket.socket) -> None:
    async with running(settings) as services, metrics_served(services):
        server = Server(server_config(create_app(services), settings), services)
        _announce(settings, services.engine, services.access.start_token, listener)
        await _answer(server, listener)


async def work(settings: Settings) -> None:
    """Serves as one of several workers, which the supervisor starts."""
    told = Instructions.read()
    if told.token is not None:
        settings = settings.model_copy(update={"token": SecretStr(told.token)})
    async with running(settings, told.peers) as services, metrics_served(services, told.number):
        server = Server(server_config(create_app(services), settings), services)
        end_with_supervisor(lambda: server.handle_exit(signal.SIGTERM, None))
        say_ready()
        await _answer(server, told.open_listener())


async def _answer(server: Server, listener: socket.socket) -> None:
    _spare_event_loop()
    await server.serve(sockets=[listener])
    if server.force_exit:
        # Whoever presses Ctrl-C again waits for no reply; the next start ends what this one leaves.
        cast("asyncio.Task[None]", asyncio.current_task()).cancel()


async def _supervise(settings: Settings, listener: socket.socket, workers: int) -> None:
    if sys.platform == "win32":
        raise StartError("--workers needs Linux or macOS; on Windows one process serves all.")
    engine = choose_engine(settings)
    token = StartToken(settings) if mode_of(settings) is AccessMode.TOKEN else None
    try:
        async with shared_parts(engine) as peers:
            instructions = Instructions(0, listener.fileno(), peers, token.value if token else None)
            patience = settings.drain_delay + settings.grace + _END_SECONDS
            supervisor = Supervisor([sys.executable, __file__, "work"], workers, instructions, patience)
            await supervisor.run(lambda: _announce(settings, engine, token, listener, workers))
    except WorkerFailed as error:
        raise SystemExit(error.code) from error
    finally:
        await engine.close()


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
    except (Unavailable, DBAPIError, OSError) as error:
        raise StartError(_why_unusable(database, error)) from error


def _why_unusable(database: Database, error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    if cause is None or (cause is not error and database.url.get_backend_name() == "sqlite"):
        return f"Another program has the database {_shown(database)} locked. Start again when it is done."
    return f"The database {_shown(database)} cannot be used: {getattr(cause, 'orig', cause)}."


def _listen(settings: Settings) -> socket.socket:
    try:
        return listen(settings)
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        raise StartError(
            f"Cannot listen on {address}: {error.strerror}. Set REPARTEE_PORT to another one, or to 0."
        ) from error


def _announce(
    settings: Settings, engine: Engine, token: StartToken | None, listener: socket.socket, workers: int = 1
) -> None:
    # In the part of an address that is sent to no server, and so is in no log.
    page = f"#token={token.value}" if token and token.is_new else ""
    lines = [
        f"Repartee {VERSION}",
        f"  open      http://{_own_name(settings.host)}:{listener.getsockname()[1]}/{page}",
        f"  engine    {engine.name} ({engine.reason})",
        f"  database  {make_url(settings.database_url).render_as_string(hide_password=True)}",
        *([f"  workers   {workers}"] if workers > 1 else []),
        "  Ctrl-C ends it.",
    ]
    print("\n".join(lines), flush=True)


def _own_name(host: str) -> str:
    """Returns by what name this machine reaches the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _shown(database: Database) -> str:
    return database.url.render_as_string(hide_password=True)


_COMMANDS: dict[str, tuple[Callable[[Settings], Coroutine[Any, Any, None]], str]] = {
    "migrate": (migrate, "bring the database's tables up to date"),
    "export-schema": (export_schema, "print the GraphQL schema"),
}


def _parser() -> argparse.ArgumentParser:
    """Returns a parser whose result has `run`: a command that takes the settings and the result."""
    parser = argparse.ArgumentParser(prog="app.py", description="A GraphQL server for character chat.")
    parser.set_defaults(run=lambda settings, _: serve(settings))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    serving = commands.add_parser("serve", help="answer requests; what happens without a command")
    serving.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="processes that answer; 1 by default"
    )
    serving.set_defaults(run=lambda settings, options: serve(settings, options.workers))
    # Without help it is in no list: only the supervisor can tell a worker what it needs.
    commands.add_parser("work").set_defaults(run=lambda settings, _: work(settings))
    for name, (command, purpose) in _COMMANDS.items():
        added = commands.add_parser(name, help=purpose)
        added.set_defaults(run=lambda settings, _, command=command: command(settings))
    import_commands.add_to(commands, LEGACY)
    copying.add_to(commands)
    user_commands.add_to(commands)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("must be a number from 1 to 256")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = Settings()
        logs.configure(settings)
        sys.setswitchinterval(_SWITCH_SECONDS)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(options.run(settings, options)) or 0
    except ValidationError as error:
        first = error.errors()[0]
        return _failed(f"REPARTEE_{str(first['loc'][0]).upper()} is wrong: {first['msg']}.")
    except (StartError, MetricsError, EngineConfigurationError, BrokerConfigurationError) as error:
        return _failed(str(error))
    except (ArgumentError, NoSuchModuleError) as error:
        return _failed(f"REPARTEE_DATABASE_URL is wrong: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Returns uvloop's event loops where they exist, because they answer small requests faster."""
    return None if sys.platform == "win32" else importlib.import_module("uvloop").new_event_loop


def _failed(reason: str) -> int:
    print(f"Repartee cannot start. {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
