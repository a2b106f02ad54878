"""The process that runs the local model: started by path, told by its standard input, ended with its parent.

It takes one line of JSON and answers with one word, `ready` or `failed`. Then it waits for the end of its standard
input, which comes with the end of the parent, however that happened. While it loads the model it cannot wait: the
runtime holds the interpreter's lock. Until then the kernel is asked to end it with its parent, where it can.
"""

import ctypes
import importlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent = os.getppid()
    answers = _take_standard_output()
    told = json.loads(sys.stdin.readline())
    _die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        return
    server = _load(told)
    if server is None:
        print("failed", file=answers, flush=True)
        return
    _die_with_parent(0)
    print("ready", file=answers, flush=True)
    sys.stdin.read()
    shutil.rmtree(Path(told["socket"]).parent, ignore_errors=True)
    # Replies may still be running in native threads, and nobody is left to read them.
    os._exit(0)


def _take_standard_output() -> TextIO:
    """Keep it for the answers; what the native code prints goes where its errors go."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _load(told: dict[str, Any]) -> Any:
    runtime = importlib.import_module("xllamacpp")
    try:
        return runtime.Server(_parameters(runtime, told))
    except RuntimeError:
        return None


def _parameters(runtime: Any, told: dict[str, Any]) -> Any:
    parameters = runtime.CommonParams()
    parameters.model.path = told["model"]
    parameters.model_alias = {told["name"]}
    parameters.hostnames = [told["socket"]]
    parameters.api_keys = [told["key"]]
    parameters.n_ctx = told["context_length"]
    parameters.n_parallel = 1
    # A prompt is read in steps of this many tokens; only between them can a reply be given up.
    parameters.n_batch = parameters.n_ubatch = 64
    parameters.cache_ram_mib = 64
    parameters.cpuparams.n_threads = told["threads"]
    parameters.cpuparams_batch.n_threads = told["threads"]
    parameters.ui = False
    parameters.endpoint_slots = False
    return parameters


def _die_with_parent(deadly: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, deadly)


if __name__ == "__main__":
    main()
