"""What appending to a conversation, and reading its last page, cost at 10, 1,000 and 10,000 messages.

Run `python -m tests.benchmarks.long_chats`: medians of alternating rounds, as ratios to the shortest chat.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from statistics import median

from models import LOCAL_OWNER, Database
from services import Services
from services.broker.memory import MemoryBroker
from services.engines.builtin import BuiltinEngine
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from services.settings import Settings
from tests.support.makers import make_history

SIZES = (10, 1_000, 10_000)
ROUNDS = 100


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, database_url=f"sqlite+aiosqlite:///{folder}/bench.db")
        database = Database(settings.database_url)
        await database.migrate()
        services = Services.build(settings, database, MemoryBroker(), BuiltinEngine("a benchmark", 0))
        chats = {size: (await make_history(services, *["Hello there."] * size)).id for size in SIZES}

        async def append(id: str) -> object:
            return await services.replies.send(LOCAL_OWNER, id, "More", None, ReplyOptions(ReplyMode.NONE))

        async def read(id: str) -> object:
            return await services.messages.path_pages(LOCAL_OWNER, [id], PageArguments(last=50))

        await compare("append a message", append, chats)
        await compare("read the last 50", read, chats)
        await database.close()


async def compare(name: str, act: Callable[[str], Awaitable[object]], chats: dict[int, str]) -> None:
    times: dict[int, list[float]] = {size: [] for size in chats}
    for _ in range(ROUNDS):
        for size, id in chats.items():
            begin = time.perf_counter()
            await act(id)
            times[size].append(time.perf_counter() - begin)
    shortest = median(times[SIZES[0]])
    print(f"{name}: " + ", ".join(f"{size:,}: {median(one) / shortest:.2f} ×" for size, one in times.items()))


if __name__ == "__main__":
    asyncio.run(main())
