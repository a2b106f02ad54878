"""What 200 watchers of one reply cost each other: `python -m tests.benchmarks.watchers`.

Runs the server with the builtin engine, once with 200 reading watchers and once with 10 more that do not read,
and prints how long after the engine wrote them words arrived, and the server's memory.
"""

import asyncio
import contextlib
import json
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from websockets.asyncio.client import connect

from tests.support.client import PROTOCOL, Client, subscribe
from tests.support.processes import started
from tests.test_app import SEND, WATCH, fold
from tests.test_processes import first_conversation

READERS, SLEEPERS = 200, 10


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with started(Path(folder), BUILTIN_PACE="20") as (process, client):
            conversation = await first_conversation(client)
            for sleepers in (0, SLEEPERS, 0, SLEEPERS):
                await run(client, conversation, process.pid, sleepers)


async def run(client: Client, conversation: str, pid: int, sleepers: int) -> None:
    sent = (await client.run(SEND, id=conversation, content="Tell me everything", mode="BACKGROUND"))[
        "sendMessage"
    ]
    cursor = sent["streamCursor"]
    async with contextlib.AsyncExitStack() as stack:
        asleep = [await stack.enter_async_context(opened(client, conversation, cursor)) for _ in range(sleepers)]
        sockets = [await stack.enter_async_context(opened(client, conversation, cursor)) for _ in range(READERS)]
        arrivals = await asyncio.gather(*(read(socket) for socket in sockets))
        texts = {fold(events) for _, events in arrivals}
        late = [await read(socket) for socket in asleep]
        texts |= {fold(events) for _, events in late}
    # The first to get an event is the nearest there is to when it was written.
    first: dict[str, float] = {}
    for times, _ in arrivals:
        for key, moment in times.items():
            first[key] = min(moment, first.get(key, moment))
    delays = [moment - first[key] for times, _ in arrivals for key, moment in times.items()]
    slowest = quantiles(delays, n=100)[98]
    print(
        f"{READERS} reading, {sleepers} not: behind the first of them by {median(delays) * 1000:.1f} ms (median), "
        f"{slowest * 1000:.1f} ms (99 %); server {memory_of(pid)} MiB; texts equal: {len(texts) == 1}",
        flush=True,
    )


def memory_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 >> 20


@contextlib.asynccontextmanager
async def opened(client: Client, conversation: str, after: str):
    url = client.url.replace("http", "ws", 1)
    # A tiny queue: what is not read stays in the sockets, and then in the server.
    async with connect(url, subprotocols=[PROTOCOL], max_queue=1) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        await socket.send(subscribe("1", WATCH, id=conversation, after=after))
        yield socket


async def read(socket):
    """Return when each event arrived, and the events."""
    times: dict[str, float] = {}
    events = []
    while (message := json.loads(await socket.recv()))["type"] == "next":
        events.append(message["payload"]["data"]["replyStream"])
        times[events[-1]["cursor"]] = time.perf_counter()
    return times, events


if __name__ == "__main__":
    asyncio.run(main())
