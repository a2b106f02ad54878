"""The PostgreSQL of the tests: the one that is named, the one of this machine, or one that is started for them."""

import atexit
import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

import pytest

USUAL_PORT = 5432
# Nothing of it must survive a power cut.
_CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


@cache
def server_url() -> str:
    """Return the URL of a server, without a database, for a role that may make some. Skips without any."""
    if url := os.environ.get("REPARTEE_TEST_POSTGRES"):
        return url.rpartition("/")[0]
    if _trusts(USUAL_PORT):
        return f"postgresql://postgres@127.0.0.1:{USUAL_PORT}"
    return f"postgresql://postgres@127.0.0.1:{_started()}"


def _programs() -> Path:
    """Return the folder of PostgreSQL's newest programs; Debian has them in no PATH."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(path.parent.name.split(".")[0]))
    if program := shutil.which("initdb"):
        return Path(program).resolve().parent
    pytest.skip("there is no PostgreSQL on this machine; set REPARTEE_TEST_POSTGRES to a URL")


def _user() -> str | None:
    """Return the user to run it as: it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _started() -> int:
    """Start a server that ends with this process, and return its port."""
    programs, user = _programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="repartee-postgres-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if user is not None:
        shutil.chown(folder, user)
    data = str(folder / "data")
    make = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
    options = ("listen_addresses=127.0.0.1", "unix_socket_directories=", *_CARELESS)
    run = [programs / "postgres", "-D", data, "-p", str(port), *(part for one in options for part in ("-c", one))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(run, user=user, cwd=folder, stdout=log, stderr=log)
    atexit.register(_end, process)
    deadline = time.monotonic() + 30
    while not _listens(port):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, "PostgreSQL does not listen"
        time.sleep(0.05)
    return port


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(30)


def _trusts(port: int) -> bool:
    """Return whether a server lets the tests in without a password: the answer to a first message."""
    wanted = b"user\0postgres\0database\0postgres\0\0"
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as server:
        server.sendall(struct.pack("!ii", len(wanted) + 8, 0x30000) + wanted)
        return server.recv(9) == b"R" + struct.pack("!ii", 8, 0)
    return False


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
