"""A folder of JSON files, made anew."""

import json
import re
from pathlib import Path
from typing import Any

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_NAME_BYTES = 150


class Unwritable(Exception):
    """There is no place to write to; the text says why."""


class NewFolder:
    """Never writes over a file, its own ones included. Raises Unwritable when there is something already."""

    def __init__(self, path: Path) -> None:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise Unwritable(f"{path} is there already, and no empty folder. Choose another place.")
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._taken: set[str] = set()

    def write(self, name: str, document: dict[str, Any]) -> None:
        stem = free = file_name(name)
        number = 1
        while free.casefold() in self._taken:
            number += 1
            free = f"{stem} ({number})"
        self._taken.add(free.casefold())
        text = json.dumps(document, ensure_ascii=False, indent=2)
        (self._path / f"{free}.json").write_text(f"{text}\n", encoding="utf-8")


def file_name(name: str) -> str:
    """Return the name as every file system takes it."""
    plain = _FORBIDDEN.sub("_", name).encode()[:_NAME_BYTES].decode(errors="ignore").strip(" .")
    return f"_{plain}" if not plain or _RESERVED.fullmatch(plain) else plain
