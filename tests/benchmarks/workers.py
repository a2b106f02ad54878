"""What more workers bring: `python -m tests.benchmarks.workers [SECONDS]`, on SQLite and on PostgreSQL.

wrk, the engine and the watchers run beside the workers, so on few cores they are what limits.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks import load
from tests.benchmarks.library import Size, key, store_ours
from tests.benchmarks.paced_engine import paced_engine
from tests.benchmarks.questions import questions
from tests.benchmarks.servers import Server
from tests.benchmarks.streams import RATE, SEND, Bench
from tests.benchmarks.tables import table
from tests.support import postgres
from tests.support.processes import ROOT, environment, started

WORKERS = (1, 2, 4)
# Tokens of each reply, and how many are written, with a watcher each.
TOKENS, REPLIES = 100, 60
_SIZE = Size(100, 20)
_SENDS = """
local conversations, count = {{ {ids} }}, 0
request = function()
    count = count + 1
    local id = conversations[count % #conversations + 1]
    return wrk.format("POST", nil, {{["Content-Type"] = "application/json"}}, string.format([==[{body}]==], id))
end
"""


async def measure(kind: str, seconds: int) -> dict[int, dict[str, float]]:
    """Returns, by the number of workers, requests a second, and the seconds until all replies have ended."""
    with tempfile.TemporaryDirectory() as folder:
        async with paced_engine(RATE, TOKENS) as engine, _library(kind, Path(folder)) as database:
            settings = {"DATABASE_URL": database, "ENGINE": "openai", "ENGINE_URL": engine}
            settings |= {"MAX_REPLIES": "1000", "TITLES": "off", "LOG_LEVEL": "error"}
            return {count: await _measured(Path(folder), count, seconds, settings) for count in WORKERS}


async def _measured(folder: Path, workers: int, seconds: int, settings: Mapping[str, str]) -> dict[str, float]:
    arguments = ("serve", "--workers", str(workers))
    async with started(folder, None, arguments, **settings) as (process, client):
        server = Server(f"{workers} workers", client.url, process.pid)
        found = {}
        for question in questions():
            if question.name in ("page", "tree"):
                done = await asyncio.to_thread(load.measure, server, question.ours(), seconds)
                found[question.name] = done.rate
        found["sendMessage"] = await asyncio.to_thread(_sends, server, seconds)
        streamed = await Bench(process.pid, client).stream(REPLIES, 1)
        found[f"seconds of {REPLIES} replies"] = streamed.seconds
        await _stopped(process)
        return found


def _sends(server: Server, seconds: int) -> float:
    ids = ", ".join(f'"{key("conv", number)}"' for number in range(1, 200))
    body = json.dumps({"query": SEND, "variables": {"id": "%s", "mode": "NONE"}})
    return load.measure_script(server, _SENDS.format(ids=ids, body=body), seconds).rate


async def _stopped(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await process.wait()


@asynccontextmanager
async def _library(kind: str, folder: Path) -> AsyncIterator[str]:
    file = folder / "library.db"
    await store_ours(str(file), _SIZE)
    url = f"sqlite+aiosqlite:///{file}"
    if kind == "SQLite":
        yield url
        return
    copy = await postgres.make_database()
    command = [sys.executable, "app.py", "copy", url, copy]
    await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environment(folder), check=True)
    yield copy
    await postgres.drop(copy.rpartition("/")[2])


def _rows(kind: str, found: Mapping[int, Mapping[str, float]]) -> list[list[Any]]:
    """One row for each figure: as it is with one worker, and its ratio with more."""
    alone = found[1]
    return [
        [f"{kind}, {name}", f"{value:,.1f}", *(f"{found[count][name] / value:.2f} ×" for count in WORKERS[1:])]
        for name, value in alone.items()
    ]


async def main(seconds: int) -> None:
    rows = []
    for kind in ("SQLite", "PostgreSQL"):
        rows += _rows(kind, await measure(kind, seconds))
    print(table(["", "1 worker", *(f"{count} workers" for count in WORKERS[1:])], rows))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
