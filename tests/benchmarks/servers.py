"""The servers that are compared, each in a process of its own that ends with the block that started it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2

from tests.benchmarks.library import FULL, Size
from tests.benchmarks.parts import BenchmarkError, Options, progress
from tests.support.processes import ROOT, environment

OURS, BEFORE, BARE = "Repartee", "before", "Starlette"

PEERS = Path(__file__).parent / "peers"
_LIBRARY = Path(__file__).parent / "library.py"
_URL = re.compile(r"http://[\d.]+:\d+/\S*")
_PATIENCE = 60.0


@dataclass(frozen=True)
class Server:
    name: str
    url: str
    pid: int

    def data(self, request: Mapping[str, Any]) -> Any:
        """Returns the data of an answer. Raises BenchmarkError when it has errors."""
        response = httpx2.post(self.url, json=request, timeout=_PATIENCE)
        answer = response.json()
        if response.status_code != 200 or "errors" in answer:
            raise BenchmarkError(f"{self.name} cannot answer: {response.text[:500]}")
        return answer["data"]

    def memory(self) -> float:
        """Returns the resident memory of the process in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def versions(options: Options, folder: Path, size: Size = FULL) -> Iterator[AbstractContextManager[Server]]:
    """Gives our server and, if there is one to compare with, the version before, on databases of their own."""
    checkouts = {OURS: ROOT} | ({BEFORE: options.before} if options.before else {})
    for name, checkout in checkouts.items():
        file = folder / f"{name}.db"
        store_ours(checkout, file, size)
        yield ours(name, checkout, file)


@contextmanager
def ours(name: str, checkout: Path, database: Path, **settings: str) -> Iterator[Server]:
    url = f"sqlite+aiosqlite:///{database}"
    variables = environment(database.parent, DATABASE_URL=url, **settings)
    with _started(name, [sys.executable, "app.py"], checkout, variables) as server:
        # Some versions print the address of their page.
        yield replace(server, url=urljoin(server.url, "/graphql"))


@contextmanager
def bare_route() -> Iterator[Server]:
    """A route with neither GraphQL nor a database, on the same HTTP server as ours."""
    with _started(BARE, [sys.executable, "-m", "tests.benchmarks.bare"], ROOT, environment(ROOT)) as server:
        yield server


@contextmanager
def peer(name: str, script: str, database: Path, **variables: str) -> Iterator[Server]:
    node = program("node", "Install Node 20 or later.")
    known = {**environment(PEERS), "PEER_DATABASE": str(database), "NODE_ENV": "production", **variables}
    with _started(name, [node, script], PEERS, known) as server:
        yield server


@contextmanager
def _started(name: str, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Iterator[Server]:
    progress(f"starting {name}")
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield Server(name, _address(name, process, output.fileno()), process.pid)
        finally:
            _end(process)


def _address(name: str, process: subprocess.Popen[bytes], output: int) -> str:
    """Returns the first address that the process prints. Raises BenchmarkError when it ends or is too slow."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        ended = process.poll() is not None
        # The process writes at the file's position, which `read` would move.
        printed = os.pread(output, 100_000, 0).decode(errors="replace")
        if found := _URL.search(printed):
            return found[0]
        if ended or time.monotonic() > deadline:
            raise BenchmarkError(f"{name} does not start:\n{printed}")
        time.sleep(0.01)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def program(name: str, advice: str) -> str:
    """Returns the path of a program. Raises BenchmarkError with the advice when it is not installed."""
    if found := shutil.which(name):
        return found
    raise BenchmarkError(f"The benchmarks need {name}. {advice}")


def install_peers() -> None:
    """Fetches the peers' packages, as the lock file pins them, unless they are there."""
    installed = PEERS / "node_modules" / ".package-lock.json"
    if installed.exists() and _packages(installed) <= _packages(PEERS / "package-lock.json"):
        return
    progress("fetching the peers' packages; building SQLite for Node may take minutes")
    npm = program("npm", "Install Node 20 or later, with npm.")
    done = subprocess.run([npm, "ci", "--no-progress"], cwd=PEERS, capture_output=True, text=True)
    if done.returncode:
        raise BenchmarkError(f"npm cannot install the peers:\n{done.stderr}")


def _packages(lock: Path) -> set[tuple[str, str]]:
    packages = json.loads(lock.read_text())["packages"]
    return {(name, package["version"]) for name, package in packages.items() if name}


def store_ours(checkout: Path, file: Path, size: Size = FULL) -> None:
    """Fills a new database with the library, by the models of the checkout."""
    progress(f"filling {file.name}")
    command = [sys.executable, "-P", str(_LIBRARY), str(file), *map(str, size)]
    subprocess.run(command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, check=True)


@contextmanager
def checkout_of(version: str) -> Iterator[Path]:
    """Gives the folder of another version: `version` itself if it is a folder, else a worktree of it."""
    if Path(version).is_dir():
        yield Path(version).resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "before"
        done = _git("worktree", "add", "--detach", str(tree), version)
        if done.returncode:
            raise BenchmarkError(f"git cannot check out {version}:\n{done.stderr}")
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
