"""Requests as fast as a server answers them: 8 connections of one thread of wrk."""

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.parts import BenchmarkError
from tests.benchmarks.servers import Server, program

_CONNECTIONS = 8
_SCRIPT = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
"""


@dataclass(frozen=True)
class Load:
    """`rate` in requests a second; the latencies in milliseconds."""

    rate: float
    median: float
    slowest: float


def measure(server: Server, request: Mapping[str, Any], seconds: int) -> Load:
    """Asks one question again and again. Raises BenchmarkError unless all answers have a status of success."""
    return measure_script(server, _SCRIPT.format(body=json.dumps(request)), seconds)


def measure_script(server: Server, lua: str, seconds: int) -> Load:
    """Asks what a script of wrk says. Raises BenchmarkError unless all answers have a status of success."""
    wrk = program("wrk", "Install it: apt-get install wrk, or brew install wrk.")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "question.lua"
        script.write_text(lua)
        command = [wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", "--latency"]
        done = subprocess.run([*command, "-s", script, server.url], capture_output=True, text=True)
    return _load(server, done.stdout + done.stderr)


def _load(server: Server, printed: str) -> Load:
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    latencies = re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)\b", printed, re.MULTILINE)
    if not rate or len(latencies) != 2 or "Non-2xx" in printed or "Socket errors" in printed:
        raise BenchmarkError(f"{server.name} does not answer every request:\n{printed}")
    if float(rate[1]) == 0:
        raise BenchmarkError(f"{server.name} answered nothing in time. Measure longer, by --seconds.")
    median, slowest = (float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit] for _, value, unit in latencies)
    return Load(float(rate[1]), median, slowest)
