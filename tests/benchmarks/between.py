"""How much later text is seen through another server: `python -m tests.benchmarks.between [REPLIES]`.

Two servers on PostgreSQL, with Redis or NOTIFY between them. The engine, which knows when it wrote each token, and
the watchers run in this process.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks.paced_engine import Paced
from tests.benchmarks.streams import CREATE, SEND, WATCH
from tests.benchmarks.tables import table
from tests.support import postgres, redis
from tests.support.client import Client
from tests.support.makers import until
from tests.support.processes import started

RATE, TOKENS, TOKEN = 50, 60, len(" token")
_STOP = "mutation ($id: ID!) { stopReply(input: {conversationId: $id}) { reply { status } } }"


class Engine(Paced):
    """Notes when it wrote each token, and when its caller left."""

    def __init__(self) -> None:
        super().__init__(RATE, TOKENS)
        self.written: list[float] = []
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.left.clear()
        await super().serve(reader, writer)
        self.left.set()

    async def _write(self, writer: asyncio.StreamWriter, tokens: int) -> None:
        self.written = []
        begin = time.perf_counter()
        for number in range(tokens):
            self.written.append(time.perf_counter())
            await self.send(writer)
            await asyncio.sleep(begin + (number + 1) / RATE - time.perf_counter())
            if writer.transport.is_closing():
                return


class Servers:
    def __init__(self, engine: Engine, here: Client, there: Client) -> None:
        self._engine = engine
        self._here = here
        self._there = there

    async def reply(self) -> tuple[list[float], list[float]]:
        """Returns by how many milliseconds each token was seen after it was written: here, and there."""
        id = await self._conversation()
        seen = [asyncio.create_task(self._seen(client, id)) for client in (self._here, self._there)]
        await asyncio.sleep(0.3)
        await self._here.run(SEND, id=id, mode="BACKGROUND")
        here, there = await asyncio.gather(*seen)
        return self._delays(here), self._delays(there)

    async def stop(self) -> float:
        """Returns the milliseconds from a stop there until the engine's caller, here, has left."""
        id = await self._conversation()
        await self._here.run(SEND, id=id, mode="BACKGROUND")
        await until(lambda: len(self._engine.written) >= 10)
        begin = time.perf_counter()
        stopping = asyncio.create_task(self._there.run(_STOP, id=id))
        await self._engine.left.wait()
        took = time.perf_counter() - begin
        await stopping
        self._engine.written = []
        return took * 1000

    async def _conversation(self) -> str:
        [character] = (await self._here.run("{ characters { id } }"))["characters"]
        made = await self._here.run(CREATE, id=character["id"])
        return str(made["createConversation"]["conversation"]["id"])

    async def _seen(self, client: Client, id: str) -> list[float]:
        """Returns when each token had come."""
        moments: list[float] = []
        async for event in client.watch_socket(WATCH, id=id, done=False):
            found = event["data"]["replyStream"]
            text = found.get("delta", "")
            moments += [time.perf_counter()] * (len(text) // TOKEN)
            if found["__typename"] == "ReplyFinished":
                return moments
        raise AssertionError("the stream ended before the reply")

    def _delays(self, seen: Sequence[float]) -> list[float]:
        return [(moment - written) * 1000 for moment, written in zip(seen, self._engine.written, strict=True)]


@asynccontextmanager
async def _servers(broker: str) -> AsyncIterator[Servers]:
    engine, database = Engine(), await postgres.make_database()
    listening = await asyncio.start_server(engine.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    settings = {
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "ENGINE": "openai",
        "ENGINE_URL": url,
        "TITLES": "off",
    }
    with tempfile.TemporaryDirectory() as folder:
        async with started(Path(folder), **settings) as (_, one), started(Path(folder), **settings) as (_, two):
            yield Servers(engine, one, two)
    listening.close()
    await postgres.drop(database.rpartition("/")[2])


async def measure(broker: str, replies: int) -> list[str]:
    """Returns the cells of a row, in milliseconds."""
    async with _servers(broker) as servers:
        delays = [await servers.reply() for _ in range(replies)]
        stops = [await servers.stop() for _ in range(replies)]
    first = [median(one[side][0] for one in delays) for side in (0, 1)]
    late = [there - here for one in delays for here, there in zip(*one, strict=True)]
    return [f"{one:.0f}" for one in (*first, median(late), quantiles(late, n=100)[98], median(stops), max(stops))]


async def main(replies: int) -> None:
    with redis.available() as url:
        rows = [["Redis", *await measure(url, replies)], ["NOTIFY", *await measure("", replies)]]
    head = ["ms", "first token here", "there", "later there, p50", "p99", "stop from there, p50", "longest"]
    print(table(head, rows))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
