"""What a supervisor has for its workers: the hub that passes their frames on, and the local model."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from services.broker.wires.hub import Hub
from services.engines import Engine
from services.workers.instructions import Peers


@asynccontextmanager
async def shared_parts(engine: Engine) -> AsyncIterator[Peers]:
    """Opens them in a private folder. A local model is started when a worker first asks for it."""
    from services.engines.local import LocalEngine
    from services.engines.local_process import private_folder
    from services.engines.local_sharing import ModelDesk

    folder = private_folder()
    peers = Peers(folder / "hub", folder / "model")
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        hub = Hub()
        await hub.open(peers.hub)
        stack.push_async_callback(hub.close)
        if isinstance(engine, LocalEngine):
            desk = ModelDesk(engine)
            await desk.open(peers.model)
            stack.push_async_callback(desk.close)
        yield peers
