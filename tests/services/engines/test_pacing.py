"""Tokens that arrive soon after each other are read together, the first ones at once."""

import asyncio
import time

import pytest

from services.engines import pacing
from services.engines.pacing import Pace, Ticks


async def pause_of(pace: Pace) -> float:
    """Return for how long the pace rests after a read."""
    begin = time.perf_counter()
    await pace.rest()
    return time.perf_counter() - begin


def aged(ticks: Ticks | None = None) -> Pace:
    """Return a pace whose stream began an hour ago."""
    pace = Pace(ticks or Ticks())
    pace._begin -= 3600
    return pace


async def test_the_first_words_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "INTERVAL", 3600)
    assert await asyncio.wait_for(pause_of(Pace(Ticks())), 30) < 30


async def test_a_stream_that_runs_is_read_in_intervals() -> None:
    # A pause ends at the nearest tick.
    assert await pause_of(aged()) > pacing.INTERVAL / 2


async def test_those_who_wait_for_one_tick_are_woken_together() -> None:
    """With one wake-up, that is before anything else that a wake-up lets happen."""
    ticks, loop = Ticks(), asyncio.get_running_loop()
    tick = (round(loop.time() / pacing._TICK) + 3) * pacing._TICK
    woken, seen = 0, []

    async def wait(time: float) -> None:
        nonlocal woken
        await ticks.nearest(time)
        woken += 1
        loop.call_soon(lambda: seen.append(woken))

    await asyncio.gather(*(wait(tick + number * pacing._TICK / 100) for number in range(-40, 40)))
    await asyncio.sleep(0)
    assert seen == [80] * 80
    assert ticks._waiting == {}


async def test_one_who_leaves_before_the_tick_takes_nobody_along() -> None:
    ticks = Ticks()
    leaving, staying = (asyncio.create_task(aged(ticks).rest()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait_for(staying, 30)
    assert leaving.cancelled()


async def test_a_busy_event_loop_is_given_time() -> None:
    pace = aged()
    # The pause ends while the loop is busy, so it ends late.
    asyncio.get_running_loop().call_later(pacing.INTERVAL / 2, time.sleep, pacing.INTERVAL * 2)
    await pause_of(pace)
    assert await pause_of(pace) >= pacing.INTERVAL * 2


async def test_a_process_that_was_frozen_reads_on_soon() -> None:
    pace = aged()
    pace._lateness = 3600
    await asyncio.wait_for(pause_of(pace), 30)
