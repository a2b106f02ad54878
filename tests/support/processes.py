"""The server as people run it: `python app.py` in a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import httpx2

from tests.support.client import Client

ROOT = Path(__file__).parents[2]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return an environment in which only `settings` are Repartee's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REPARTEE_")}
    defaults = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/repartee.db",
        "ENGINE": "builtin",
        "PORT": "0",
    }
    return kept | {f"REPARTEE_{name}": value for name, value in (defaults | settings).items()}


async def launched(
    command: Sequence[str], variables: dict[str, str], errors: IO[bytes] | None
) -> asyncio.subprocess.Process:
    """Start Python with the command. What it logs goes into `errors`."""
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env=variables, stdout=asyncio.subprocess.PIPE, stderr=errors
    )


async def announcement(process: asyncio.subprocess.Process) -> list[str]:
    """Return the lines that a server prints when it has started; the last one is empty if it ends before."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1].strip() not in ("", "Ctrl-C ends it."):
        lines.append((await process.stdout.readline()).decode())
    return lines


def address(lines: Sequence[str]) -> str:
    """Return the address of the page that the server names, with its token if there is one."""
    return next(line.split()[1] for line in lines if line.split()[:1] == ["open"])


@asynccontextmanager
async def program(
    folder: Path, errors: IO[bytes] | None = None, arguments: Sequence[str] = (), **settings: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """Start the server, and give what it prints. It is ended if the block has not done so."""
    process = await launched(["app.py", *arguments], environment(folder, **settings), errors)
    try:
        yield process, await announcement(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def started(
    folder: Path, errors: IO[bytes] | None = None, arguments: Sequence[str] = (), **settings: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Client]]:
    """Start the server, and give a client of it. What it logs goes into `errors`."""
    async with program(folder, errors, arguments, **settings) as (process, lines):
        origin, _, fragment = address(lines).partition("#")
        url = f"{origin}graphql#{fragment}".removesuffix("#")
        async with httpx2.AsyncClient(timeout=60) as http:
            yield process, Client(http, url)


@asynccontextmanager
async def module(name: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module of the tests in a process of its own, and end it with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        name,
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        await process.communicate()


async def refused(folder: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """Run the server where it cannot start; return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "app.py",
        *arguments,
        cwd=ROOT,
        env=environment(folder, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def command(folder: Path, *arguments: str, **settings: str) -> str:
    """Run a command of the program, and return what it printed."""
    code, said = await refused(folder, *arguments, **settings)
    assert code == 0, said
    return said
