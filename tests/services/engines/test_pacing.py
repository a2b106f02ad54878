"""Tokens that arrive soon after each other are read together, the first ones at once."""

import asyncio
import time

import pytest

from services.engines import pacing
from services.engines.pacing import Pace


async def pause_of(pace: Pace) -> float:
    """Return for how long the pace rests after a read."""
    begin = time.perf_counter()
    await pace.rest()
    return time.perf_counter() - begin


def aged(pace: Pace) -> Pace:
    """Return the pace as if its stream had begun an hour ago."""
    pace._begin -= 3600
    return pace


async def test_the_first_words_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "INTERVAL", 3600)
    assert await asyncio.wait_for(pause_of(Pace()), 30) < 30


async def test_a_stream_that_runs_is_read_in_intervals() -> None:
    assert await pause_of(aged(Pace())) >= pacing.INTERVAL


async def test_a_busy_event_loop_is_given_time() -> None:
    pace = aged(Pace())
    # The pause ends while the loop is busy, so it ends late.
    asyncio.get_running_loop().call_later(pacing.INTERVAL / 2, time.sleep, pacing.INTERVAL * 2)
    await pause_of(pace)
    assert await pause_of(pace) >= pacing.INTERVAL * 2


async def test_a_process_that_was_frozen_reads_on_soon() -> None:
    pace = aged(Pace())
    pace._lateness = 3600
    await asyncio.wait_for(pause_of(pace), 30)
