"""What a search takes, and what the index costs: `python -m tests.benchmarks.searches --messages 1000000`.

Messages of about 360 characters in four languages; words of several frequencies; a page of 20, asked of the
services. An append is a message without a reply in the large database, with its text indexed and without; both are
asked in turn, so only their ratio means something.
"""

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

from models import LOCAL_OWNER, Conversation, Database
from services import Services
from services.broker.memory import MemoryBroker
from services.paging import PageArguments
from services.replies.options import ReplyMode, ReplyOptions
from services.search import filling, texts
from services.settings import Settings
from tests.benchmarks.parts import progress
from tests.benchmarks.tables import table
from tests.support.makers import TestEngine, make_history

QUERIES = {
    "in every message": "the",
    "in a tenth": "umbrella",
    "in one of 10,000": "zeppelin",
    "in one message": "quetzalcoatlus",
    "in none": "xylophonist",
    "two common words": "the and",
    "a phrase": '"umbrella stand"',
    "Turkish": "ışıklar",
    "Japanese, two characters": "文章",
    "Japanese, four characters": "日本語の",
    "emoji, one": "🎉",
    "emoji, three": "🎉🎊🎈",
    "one letter that is nowhere": "ж",
}
_SYLLABLES = ["ka", "lo", "mi", "ne", "ru", "sta", "ter", "vin", "os", "an", "el", "ir", "do", "pa", "gu"]
_STORE = """INSERT INTO messages (id, owner, conversation_id, position, active, selected, hidden, role, content,
    status, edited_version, updated_at)
    VALUES (?, ?, ?, ?, 0, 0, 0, 'USER', ?, 'COMPLETED', 0, '2025-01-01 00:00:00.000000')"""


def contents(count: int) -> Iterator[str]:
    chance = random.Random(1)
    known = ["".join(chance.choices(_SYLLABLES, k=chance.randrange(1, 5))) for _ in range(20_000)]
    for number in range(count):
        words = ["the", "and", *(known[int(chance.paretovariate(0.6)) % 20_000] for _ in range(50))]
        for every, more in (
            (10, "umbrella stand"),
            (10_000, "zeppelin"),
            (7, "IŞIKLAR söndü"),
            (9, "日本語の文章です"),
        ):
            if number % every == every // 2:
                words.insert(chance.randrange(len(words)), more)
        if number % 50 == 1:
            words.append("🎉🎊🎈")
        if number == count // 3:
            words.append("Quetzalcoatlus")
        yield " ".join(words)


def store(path: Path, conversation: Conversation, count: int) -> None:
    """Stores messages as a version before the search did."""
    owner, id = LOCAL_OWNER.partition("_")[2], conversation.id.partition("_")[2]
    rows = ((f"{number + 1:032x}", owner, id, number + 10, text) for number, text in enumerate(contents(count)))
    with closing(sqlite3.connect(path)) as file:
        file.execute("DELETE FROM message_texts")
        file.executemany(_STORE, rows)
        file.execute("INSERT INTO text_fillings VALUES (?)", ("f" * 32,))
        file.commit()


def size_of(path: Path) -> float:
    """Returns the bytes in use, in MB."""
    with closing(sqlite3.connect(path)) as file:
        pages, free, size = (
            file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return float((pages - free) * size) / 1e6


async def asked(services: Services, query: str, conversation: str | None = None) -> tuple[str, str, str, str]:
    """Returns the time of the first asking and the median of the next, in ms, and what was found."""
    spent, page = [], PageArguments(first=20)
    for _ in range(8):
        began = time.perf_counter()
        finds = await services.search.messages(LOCAL_OWNER, query, None, conversation, page)
        await services.messages.by_ids(LOCAL_OWNER, [one.message_id for one in finds.found])
        spent.append((time.perf_counter() - began) * 1000)
    return f"{spent[0]:.1f}", f"{median(spent[1:]):.1f}", str(len(finds.found)), "yes" if finds.has_next else "no"


async def append(services: Services, id: str, count: int, content: str) -> list[float]:
    """Returns the CPU seconds of all threads that each message took."""
    spent = []
    for _ in range(count):
        began = time.process_time()
        await services.replies.send(LOCAL_OWNER, id, content, None, ReplyOptions(ReplyMode.NONE))
        spent.append(time.process_time() - began)
    return spent


async def appends(services: Services, id: str, content: str, rounds: int = 10) -> tuple[float, float, float]:
    """Returns the mean CPU ms of an append with and without the index, and the median ratio of the rounds."""
    keep, found = texts.keep, []

    async def keep_nothing(*_: object) -> None: ...

    for number in range(rounds + 1):
        pair = []
        for kept in (keep, keep_nothing):
            texts.keep = kept  # type: ignore[assignment]
            spent = await append(services, id, 60, content)
            pair.append(sum(spent) / len(spent) * 1000)
        if number:
            found.append(pair)
    texts.keep = keep
    return median(a for a, _ in found), median(b for _, b in found), median(a / b for a, b in found)


async def measure(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "search.db"
        settings = Settings(_env_file=None, database_url=f"sqlite+aiosqlite:///{path}", engine="builtin")
        database = Database(settings.database_url)
        await database.migrate()
        services = Services.build(settings, database, MemoryBroker(), TestEngine())
        large, small = await make_history(services, "x"), await make_history(services, "The lights", "文章")
        progress(f"storing {count:,} messages")
        store(path, large, count)
        before, began = size_of(path), time.perf_counter()
        await filling.fill_all(database)
        filled = time.perf_counter() - began
        after = size_of(path)
        with closing(sqlite3.connect(path)) as file:
            sum_of = "SELECT sum(length(CAST({} AS BLOB))) / 1e6 FROM {}"
            text = file.execute(sum_of.format("content", "messages")).fetchone()[0]
            trigrams = file.execute(sum_of.format("block", "message_trigrams_data")).fetchone()[0]
        print(
            f"{count:,} messages, {text:,.0f} MB of text: {before:,.0f} MB before, {after:,.0f} MB with the index"
        )
        print(f"(trigrams {trigrams:,.0f} MB), filled in {filled:,.0f} s\n")
        rows = [(name, query, *await asked(services, query)) for name, query in QUERIES.items()]
        rows += [
            (f"{query}, in a small chat", query, *await asked(services, query, small.id))
            for query in ("the", "文章")
        ]
        print(table(["", "query", "first, ms", "then, ms", "hits", "more"], rows))
        for length in (20, 360, 5000):
            content = " ".join(contents(20))[:length]
            with_index, without, ratio = await appends(services, (await make_history(services, "x")).id, content)
            print(f"append of {length} characters: {with_index:.2f} ms of CPU, {without:.2f} without: {ratio:.2f}")
        await services.close()
        await database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    asyncio.run(measure(parser.parse_args().messages))
