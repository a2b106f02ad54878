"""Child process of the local engine: serves the model, and exits when its parent exits.

It reads one line of JSON from its standard input, loads the model, and prints `ready` or `failed`. Then it reads
its standard input to the end, which comes when the parent exits, even by a kill. While the model loads, the
runtime holds the interpreter lock and nothing can be read; if the parent exits then, Linux kills the child.
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
    status_output = _redirect_standard_output()
    settings = json.loads(sys.stdin.readline())
    _set_parent_exit_signal(signal.SIGKILL)
    if sys.platform == "linux" and os.getppid() != settings["parent"]:
        # It has exited already, perhaps before this program began.
        return
    server = _load(settings)
    if server is None:
        print("failed", file=status_output, flush=True)
        return
    _set_parent_exit_signal(0)
    print("ready", file=status_output, flush=True)
    sys.stdin.read()
    shutil.rmtree(Path(settings["socket"]).parent, ignore_errors=True)
    # Native threads may still generate replies; a normal exit could wait for them.
    os._exit(0)


def _redirect_standard_output() -> TextIO:
    """Returns the standard output for the status; what native code prints goes to the standard error instead."""
    status_output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return status_output


def _load(settings: dict[str, Any]) -> Any:
    runtime = importlib.import_module("xllamacpp")
    try:
        return runtime.Server(_parameters(runtime, settings))
    except RuntimeError:
        return None


def _parameters(runtime: Any, settings: dict[str, Any]) -> Any:
    parameters = runtime.CommonParams()
    parameters.model.path = settings["model"]
    parameters.model_alias = {settings["name"]}
    parameters.hostnames = [settings["socket"]]
    parameters.api_keys = [settings["key"]]
    parameters.n_ctx = settings["context_length"]
    parameters.n_parallel = 1
    # The prompt is evaluated in batches of this many tokens; a reply can be cancelled only between two batches.
    parameters.n_batch = parameters.n_ubatch = 64
    # States of the conversations that are not in the slot; the bundled model's take up to 47 MB each.
    parameters.cache_ram_mib = 256
    parameters.cpuparams.n_threads = settings["threads"]
    parameters.cpuparams_batch.n_threads = settings["threads"]
    parameters.ui = False
    parameters.endpoint_slots = False
    return parameters


def _set_parent_exit_signal(signal_number: int) -> None:
    """Sets the signal that Linux sends to this process when its parent exits; 0 for none."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number)


if __name__ == "__main__":
    main()
