"""Telling somebody who waits how far an import is: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from services.legacy.tables import printable

# Seconds: what is faster needs no bar; between two pictures of it; between two lines where no bar can be.
_DELAY, _PICTURE, _LINE = 1.0, 0.1, 10.0
_WIDTH = 30

Tick = Callable[[float, int], None]


class Progress:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._on_terminal = stream.isatty()

    def say(self, text: str) -> None:
        self._write(f"{text}\n")

    @contextmanager
    def over(self, label: str, size: int) -> Iterator[Tick]:
        """Give a function to call with how many of `size` rows are done, and how many messages that were."""
        due = time.monotonic() + _DELAY
        drawn = False

        def tick(done: float, messages: int) -> None:
            nonlocal due, drawn
            if time.monotonic() >= due:
                self._show(printable(label), min(done / size, 1.0) if size else 1.0, messages)
                due, drawn = time.monotonic() + (_PICTURE if self._on_terminal else _LINE), True

        try:
            yield tick
        finally:
            if drawn and self._on_terminal:
                self._write("\r\x1b[K")

    def _show(self, label: str, part: float, messages: int) -> None:
        state = f"{part:4.0%}  {messages:,} messages"
        if self._on_terminal:
            bar = "#" * round(part * _WIDTH)
            self._write(f"\r\x1b[K{label}  [{bar:-<{_WIDTH}}] {state}")
        else:
            self._write(f"{label}: {state.strip()} so far\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
