"""Three servers, PostgreSQL and Redis, each of which fails in its turn: whatever happens, every promise holds."""

from pathlib import Path

import pytest

from tests.benchmarks.faults import FAULTS, Faults, Lengths


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_promise_holds_whatever_fails(tmp_path: Path, seed: int) -> None:
    history = Faults(tmp_path, 120, seed, Lengths(freeze=6.5, broker=1, database=2))
    found = await history.run()
    assert not found, "\n".join([*found, history.summary()])
    assert history.server.faults.total() == len(FAULTS)
