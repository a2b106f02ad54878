"""Leases of the processes that write replies, by the database's clock.

A process renews its lease while it writes. Once the lease is out, or its row is missing, its runs are abandoned.
"""

import hashlib
import math
import os
import socket
import time
from functools import partial
from pathlib import Path

from sqlalchemy import ColumnElement, delete, not_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Run, Writer, after_commit, database_time, insert_of, new_key

LEASE_SECONDS = 5
# For so long after it was renewed a lease is not renewed again for a run that begins.
FRESH_SECONDS = 1.0

# Names of this process: tests build several writers in one.
_own_names: set[str] = set()


def new_writer_name() -> str:
    """Returns a name for a writer of this process: machine, process id, and a unique part."""
    name = f"{_machine()}:{os.getpid()}:{new_key('w')}"
    _own_names.add(name)
    return name


class Lease:
    """The lease of the writer called `name`, which is of this process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._renewed_at = -math.inf

    async def renew(self, session: AsyncSession) -> None:
        """Makes the lease last LEASE_SECONDS from now."""
        asked_at = time.monotonic()
        alive_until = database_time(LEASE_SECONDS)
        made = insert_of(session, Writer).values(name=self.name, alive_until=alive_until).inline()
        renewed = made.on_conflict_do_update(index_elements=["name"], set_={"alive_until": alive_until})
        await session.execute(renewed)
        after_commit(session, partial(self._note, asked_at))

    async def hold(self, session: AsyncSession) -> None:
        """Makes sure that the lease lasts until the next checkpoints, so that a run may begin."""
        if time.monotonic() - self._renewed_at > FRESH_SECONDS:
            await self.renew(session)

    def _note(self, moment: float) -> None:
        self._renewed_at = moment


async def give_up(session: AsyncSession, *names: str) -> None:
    await session.execute(delete(Writer).where(Writer.name.in_(names)))


def is_out() -> ColumnElement[bool]:
    """Returns the condition for runs whose writer has no lease."""
    alive = select(Writer.name).where(Writer.name == Run.writer, Writer.alive_until > database_time(0))
    return not_(alive.exists())


def process_is_gone(name: str) -> bool:
    """Returns whether the writer's process is known to have ended: only one of this machine can be known."""
    machine, process, _ = name.split(":") if name.count(":") == 2 else ("", "", "")
    # Elsewhere, signal 0 is not a question but a Ctrl-C.
    if name in _own_names or machine != _machine() or os.name != "posix":
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # Another writer with our process id ended before this process began.
    return int(process) == os.getpid()


def _machine() -> str:
    """Returns what tells two sets of process ids apart: the host, its start, and the container's namespace."""
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    parts = (
        socket.gethostname(),
        boot_id.read_text() if boot_id.exists() else "",
        os.readlink(namespace) if namespace.is_symlink() else "",
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
