"""Random operations by 8 clients while the server is killed and its database is locked; then every check there is.

`python -m tests.benchmarks.soak [OPERATIONS] [SEED]` says at the end whether the invariants hold.
"""

import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.client import Client
from tests.support.makers import until
from tests.support.soaking.asking import World
from tests.support.soaking.checks import log_violations, missed, violations
from tests.support.soaking.clients import SoakingClient
from tests.support.soaking.ledger import Ledger
from tests.support.soaking.rows import State, api_violations
from tests.support.soaking.servers import SoakedServer
from tests.support.soaking.watching import Watching

CLIENTS = 8
PLACES = 5
# Seconds after the last fault in which every run has to end.
SETTLING_SECONDS = 15.0

_CHARACTER = """mutation { createCharacter(input: {
    name: "Ada", greeting: "Good day, {{user}}.", alternateGreetings: ["You again."]}) { character { id } } }"""
_ALL = """query ($after: String) { conversationsConnection(first: 10, after: $after, orderBy: CREATED_ASC) {
    pageInfo { endCursor hasNextPage }
    nodes { id messageCount historyVersion activeReply { id } chatHistory } } }"""


@dataclass(frozen=True)
class Plan:
    """`faults` names methods of Soak; each is done once, at a random time. `lock_seconds` are taken in turn.

    `patience`: seconds that watchers get at the end, some of which see everything again from the beginning.
    """

    operations: int
    seed: int
    faults: tuple[str, ...]
    lock_seconds: tuple[float, ...]
    paces: tuple[float, ...] = (10, 3)
    patience: float = 60


def long_plan(operations: int, seed: int) -> Plan:
    kills, locks = max(1, operations // 500), max(1, operations // 1200)
    faults = ("kill",) * kills + ("stop",) * (kills // 4) + ("lock",) * locks + ("kill_in_lock",) * (locks // 3)
    return Plan(operations, seed, faults, (12, 12, 12, 24), paces=(2, 20, 8), patience=600)


class Soak:
    """One soak: the server and its faults, the clients, the watchers, and the checks at the end."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._plan = plan
        self._chance = random.Random(f"{plan.seed} faults")
        self._locks = 0
        self._fault = asyncio.Lock()
        self.ledger = Ledger()
        self.settled_after = 0.0
        self._use(SoakedServer(folder, plan.paces))

    def _use(self, server: Any) -> None:
        self.server = server
        self.watching = Watching(server, self.ledger, self._plan.seed)
        self.world = World(server, self.ledger, self.watching.watch, self.watching.pass_by)

    async def run(self) -> list[str]:
        """Returns the violations."""
        await self.server.start()
        try:
            async with httpx2.AsyncClient(timeout=120, limits=httpx2.Limits(max_connections=None)) as http:
                client = self.watching.client = Client(http, self.server.url)
                self.world.characters.append((await client.run(_CHARACTER))["createCharacter"]["character"]["id"])
                await self._operate(http)
                found = await self._check(client)
                await self.watching.stop()
            code = await self.server.end(signal.SIGTERM)
        finally:
            self.server.kill()
        found += [f"SIGTERM ended it with {code}"] if code else []
        return [*found, *log_violations(self.server.log)]

    async def _operate(self, http: httpx2.AsyncClient) -> None:
        seed, operations = str(self._plan.seed), self._plan.operations
        clients = [SoakingClient(self.world, http, str(number), seed) for number in range(CLIENTS)]
        for client in clients[:PLACES]:
            await client.open_first()
        times = sorted(self._chance.uniform(0.05, 0.95) * operations for _ in self._plan.faults)
        faults = self._chance.sample(self._plan.faults, len(times))
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run(operations))
            for count, fault in zip(times, faults, strict=True):
                group.create_task(self._make_fault(fault, count))

    async def _make_fault(self, fault: str, count: float) -> None:
        """Makes the fault once so many operations have begun, and no other fault is there."""
        await self.world.reaches(count)
        async with self._fault:
            await getattr(self, fault)()

    async def kill(self) -> None:
        """Kills it while somebody sees a reply grow, if there is one soon."""
        followers = [watcher for watcher in self.ledger.watchers if watcher.since is not None]
        await _comes(lambda: any(one.at.run and one.at.sent > 0 and not one.is_over for one in followers), 2)
        await self.server.restart(signal.SIGKILL)

    async def stop(self) -> None:
        if code := await self.server.restart(signal.SIGTERM):
            self.ledger.violations.append(f"SIGTERM ended it with {code}")

    async def lock(self) -> None:
        seconds = self._plan.lock_seconds[self._locks % len(self._plan.lock_seconds)]
        self._locks += 1
        await self.server.lock(seconds)

    async def kill_in_lock(self) -> None:
        locking = asyncio.create_task(self.server.lock(self._plan.lock_seconds[0]))
        await asyncio.sleep(self._chance.uniform(0, 2))
        await self.kill()
        await locking

    async def _check(self, client: Client) -> list[str]:
        """Waits for what has to come, then compares the rows with all that was asked, answered and seen."""
        if not await _comes(self._is_settled, SETTLING_SECONDS):
            self.ledger.violations.append(f"not settled {SETTLING_SECONDS} s after the end of everything")
        self.settled_after = time.monotonic() - self.server.last_fault
        state = await self.server.state()
        for place in self.world.places.values():
            self.watching.follow(place, is_cut=False)
        await _comes(lambda: not any(self._missed(state)), self._plan.patience)
        found = [*violations(state, self.ledger), *self._changes(state)]
        shown = [conversation async for conversation in _conversations(client)]
        if {conversation["id"] for conversation in shown} != state.conversations.keys():
            found.append(f"the API lists {len(shown)} conversations, the database has {len(state.conversations)}")
        return found + [one for conversation in shown for one in api_violations(state, conversation)]

    async def _is_settled(self) -> bool:
        return (await self.server.state()).is_settled

    def _missed(self, state: State) -> Iterable[str]:
        yield from (found for watcher in self.ledger.watchers for found in missed(state, watcher))
        yield from self._changes(state)

    def _changes(self, state: State) -> Iterable[str]:
        for id, versions in self.watching.changes.items():
            row = state.conversations.get(id)
            if row and (row["version"], row["history_version"]) != versions:
                yield f"the last change of {id} that was seen is {versions}; stored is {row}"

    def summary(self) -> str:
        requests, watchers = self.ledger.requests, self.ledger.watchers
        finals = sum(watcher.finals.total() for watcher in watchers)
        counts = {
            "operations": Counter(one.kind for one in requests)
            + Counter(pass_by=self.world.count - len(requests)),
            "answers": Counter(one.code for one in requests),
            "faults": self.server.faults,
            "seen": Counter(messages=len(self.ledger.seen), streams=len(watchers), finals=finals),
        }
        return "\n".join(
            f"{name}: {found.total()}: " + ", ".join(f"{key} {count}" for key, count in found.most_common())
            for name, found in counts.items()
        )


async def _comes(condition: Callable[[], bool | Awaitable[bool]], patience: float) -> bool:
    """Waits until the condition holds; returns whether it does in time."""

    async def looked() -> bool:
        await asyncio.sleep(0.2)
        holds = condition()
        return holds if isinstance(holds, bool) else await holds

    try:
        await until(looked, patience)
    except TimeoutError:
        return False
    return True


async def _conversations(client: Client) -> AsyncIterator[dict[str, object]]:
    page = {"endCursor": None, "hasNextPage": True}
    while page["hasNextPage"]:
        found = (await client.run(_ALL, after=page["endCursor"]))["conversationsConnection"]
        for conversation in found["nodes"]:
            yield conversation
        page = found["pageInfo"]


@asynccontextmanager
async def reported(soak: Soak) -> AsyncIterator[None]:
    """Prints every few seconds how far it is."""

    async def report() -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(5)
            faults = ", ".join(f"{count} {name}" for name, count in soak.server.faults.items())
            seconds, found = time.monotonic() - began, len(soak.ledger.violations)
            print(f"{seconds:.0f} s: {soak.world.count} operations; {faults}; {found} violations", flush=True)

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        reporting.cancel()


async def main(operations: int, seed: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix="soak_"))
    soak = Soak(folder, long_plan(operations, seed))
    async with reported(soak):
        found = await soak.run()
    print(soak.summary())
    print(f"seed {seed}:", f"{len(found)} violations, see {folder}" if found else "invariants hold")
    for violation in found[:50]:
        print("-", violation[:3000])
    if not found:
        shutil.rmtree(folder)
    return 1 if found else 0


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(asyncio.run(main(*arguments, *(10_000, 1)[len(arguments) :])))
