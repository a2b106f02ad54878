"""Several processes that write to one SQLite database wait in line."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Database, Unavailable, everyone
from models.turn import FileTurn
from tests.support.makers import until

pytestmark = [pytest.mark.sqlite, pytest.mark.skipif(sys.platform == "win32", reason="Windows has one process")]


@pytest.fixture
async def turns(tmp_path: Path) -> AsyncIterator[list[FileTurn]]:
    turns = [FileTurn(tmp_path / "test.db") for _ in range(3)]
    yield turns
    for turn in turns:
        turn.close()


async def test_one_has_the_turn_at_a_time(turns: list[FileTurn]) -> None:
    one, two, _ = turns
    await one.acquire()
    waiting = asyncio.create_task(two.acquire())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    one.release()
    await waiting
    two.release()


async def test_whoever_has_just_had_the_turn_comes_after_those_who_wait(turns: list[FileTurn]) -> None:
    one, two, _ = turns
    order: list[str] = []

    async def write(name: str, turn: FileTurn) -> None:
        for _ in range(10):
            await turn.acquire()
            order.append(name)
            await asyncio.sleep(0.02)
            turn.release()

    await asyncio.gather(write("one", one), write("two", two))
    changes = sum(first != second for first, second in pairwise(order))
    assert changes > 12, order


async def test_a_turn_that_came_too_late_is_given_back(turns: list[FileTurn]) -> None:
    one, two, three = turns
    await one.acquire()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await two.acquire()
    one.release()
    async with asyncio.timeout(20):
        await three.acquire()
    three.release()


async def test_whoever_comes_after_one_that_gave_up_takes_its_place(turns: list[FileTurn]) -> None:
    one, two, three = turns
    await one.acquire()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await two.acquire()
    waiting = asyncio.create_task(two.acquire())
    await asyncio.sleep(0.02)
    one.release()
    async with asyncio.timeout(20):
        await waiting
    late = asyncio.create_task(three.acquire())
    await asyncio.sleep(0.02)
    assert not late.done()
    two.release()
    await late
    three.release()


async def test_a_turn_ends_with_its_process(turns: list[FileTurn], tmp_path: Path) -> None:
    program = f"""
import asyncio, pathlib
from models.turn import FileTurn
turn = FileTurn(pathlib.Path({str(tmp_path / "test.db")!r}))
asyncio.run(turn.acquire())
print("mine", flush=True)
input()
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"mine\n"
    waiting = asyncio.create_task(turns[0].acquire())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    process.kill()
    await process.wait()
    async with asyncio.timeout(20):
        await waiting
    turns[0].release()


async def test_writers_of_several_processes_get_equal_shares(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/test.db"
    databases = [Database(url, has_peers=True) for _ in range(3)]
    await databases[0].migrate()
    order: list[int] = []

    async def work(number: int, session: AsyncSession) -> None:
        order.append(number)
        await asyncio.sleep(0.01)

    async def write(number: int, count: int) -> None:
        for _ in range(count):
            await databases[number].write(everyone(), lambda session: work(number, session))

    # Two writers of each process: between them nobody else may be left out.
    await asyncio.gather(*(write(number, 10) for number in range(3) for _ in range(2)))
    assert min(Counter(order[:30]).values()) >= 5, order
    for database in databases:
        await database.close()


async def test_a_writer_whose_turn_does_not_come_is_told(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/test.db"
    one, two = Database(url, has_peers=True), Database(url, has_peers=True)
    await one.migrate()
    is_free = asyncio.Event()
    began: list[int] = []

    async def hold(session: AsyncSession) -> None:
        began.append(1)
        await is_free.wait()

    async def nothing(session: AsyncSession) -> int:
        return 5

    holding = asyncio.create_task(one.write(everyone(), hold))
    await until(lambda: began)
    with pytest.raises(Unavailable):
        await two.write(everyone(), nothing, timeout=0.1)
    is_free.set()
    await holding
    assert await two.write(everyone(), nothing) == 5
    await one.close()
    await two.close()
