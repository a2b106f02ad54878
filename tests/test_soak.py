"""A short soak: random operations by many clients, one kill, one lock, and every invariant afterwards."""

from pathlib import Path

from tests.benchmarks.soak import Plan, Soak


async def test_invariants_hold_after_random_operations_a_kill_and_a_lock(tmp_path: Path) -> None:
    soak = Soak(tmp_path, Plan(operations=450, seed=1, faults=("kill", "lock"), lock_seconds=(3,)))
    found = await soak.run()
    assert found == [], soak.summary()
    assert soak.server.faults == {"SIGKILL": 1, "lock of 3 s": 1}
