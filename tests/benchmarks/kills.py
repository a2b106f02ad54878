"""How much of a reply a SIGKILL loses: `python -m tests.benchmarks.kills [TIMES]` kills it and looks again."""

import asyncio
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.support.client import Client
from tests.support.processes import started
from tests.test_app import SEND, WATCH, collect, fold
from tests.test_processes import CONTINUE, LAST, first_conversation


async def main(times: int) -> None:
    rnd = random.Random(times)
    with tempfile.TemporaryDirectory() as name:
        lost = [await kill_once(Path(name), rnd.uniform(0.2, 3.5)) for _ in range(times)]
        async with started(Path(name), BUILTIN_PACE="0") as (_, client):
            conversation = await first_conversation(client)
            last = (await client.run(LAST, id=conversation))["conversation"]["lastMessage"]
            whole = (await client.run(CONTINUE, id=last["id"]))["continueReply"]["reply"]
            print(
                f"continueReply: {whole['status']}, {len(last['content'])} -> {len(whole['content'])} characters"
            )
    print(f"{times} kills; characters seen and then lost: median {sorted(lost)[times // 2]}, most {max(lost)}")


async def kill_once(folder: Path, after: float) -> int:
    async with started(folder, BUILTIN_PACE="120") as (process, client):
        conversation = await first_conversation(client)
        sent = (await client.run(SEND, id=conversation, content="Go on", mode="BACKGROUND"))["sendMessage"]
        assert sent["userErrors"] == [], sent
        seen: list[dict[str, Any]] = []
        watching = asyncio.create_task(watch(client, conversation, sent["streamCursor"], seen))
        await asyncio.sleep(after)
        process.kill()
        await process.wait()
        await watching
    async with started(folder) as (_, client):
        last = (await client.run(LAST, id=conversation))["conversation"]["lastMessage"]
        cursor = seen[-1]["cursor"] if seen else sent["streamCursor"]
        rest = await collect(client.watch(WATCH, id=conversation, after=cursor))
        assert fold(seen + rest) == last["content"], (fold(seen + rest), last)
        had, has = fold(seen), last["content"]
        kinds = [event["__typename"] for event in rest]
        print(
            f"killed after {after:.2f} s: seen {len(had)}, stored {len(has)}, {last['status']}, then {kinds}",
            flush=True,
        )
        return max(len(had) - len(has), 0)


async def watch(client: Client, conversation: str, after: str, seen: list[dict[str, Any]]) -> None:
    try:
        async for event in client.watch_socket(WATCH, id=conversation, after=after):
            seen.append(event["data"]["replyStream"])
    except ConnectionClosed:
        pass


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
