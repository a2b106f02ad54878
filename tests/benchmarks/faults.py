"""Random operations on three servers while they, Redis and PostgreSQL fail; then every check there is.

`python -m tests.benchmarks.faults [SEEDS] [OPERATIONS] [FIRST_SEED]` says at the end whether the invariants hold.
The clock of one server is an hour ahead all the time.
"""

import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.soak import Plan, Soak
from tests.support.soaking.cluster import Cluster

FAULTS = ("kill", "stop", "freeze", "lose_broker", "cut_database")


@dataclass(frozen=True)
class Lengths:
    """Seconds that faults last: a freeze longer than the lease of a writer."""

    freeze: float = 8
    broker: float = 5
    database: float = 10


class Faults(Soak):
    def __init__(self, folder: Path, operations: int, seed: int, lengths: Lengths) -> None:
        super().__init__(folder, _plan(operations, seed))
        self._lengths = lengths
        self._use(Cluster(folder, seed))

    async def freeze(self) -> None:
        await self.server.freeze(self._lengths.freeze)

    async def lose_broker(self) -> None:
        await self.server.lose_broker(self._lengths.broker)

    async def cut_database(self) -> None:
        await self.server.cut_database(self._lengths.database)


def _plan(operations: int, seed: int) -> Plan:
    chance = random.Random(f"{seed} plan")
    return Plan(operations, seed, tuple(chance.sample(FAULTS, len(FAULTS))), (), patience=90)


async def main(seeds: int, operations: int, first: int) -> int:
    total, faults, began = 0, Counter[str](), time.monotonic()
    for seed in range(first, first + seeds):
        folder = Path(tempfile.mkdtemp(prefix="faults_"))
        history = Faults(folder, operations, seed, Lengths())
        found = await history.run()
        faults += history.server.faults
        total += len(found)
        print(
            f"seed {seed}: {len(found)} violations, {history.settled_after:.1f} s until all had ended", flush=True
        )
        for violation in found[:20]:
            print("-", violation[:2000])
        if not found:
            shutil.rmtree(folder)
    seconds = time.monotonic() - began
    print(f"{seeds} histories, {faults.total()} faults in {seconds:.0f} s: {dict(faults)}; {total} violations")
    return 1 if total else 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(asyncio.run(main(*arguments, *(10, 400, 1)[len(arguments) :])))
