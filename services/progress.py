"""What people see of a command that takes a while: its progress, and numbers with their nouns."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

# Seconds before the first progress is shown, between two pictures of the bar, and between two lines in a log.
_FIRST_AFTER, _BAR_EVERY, _LINE_EVERY = 1.0, 0.1, 10.0
_BAR_WIDTH = 30

# Is called with how much is done, and how many messages or rows that is.
Tick = Callable[[float, int], None]


def printable(text: str) -> str:
    """Returns the text without control characters, which could move a terminal's cursor."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def counted(number: int, noun: str) -> str:
    """Returns the number with its noun in singular or plural."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Progress:
    """Shows how far an import is: a bar on a terminal, now and then a line elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._on_terminal = stream.isatty()

    def say(self, text: str) -> None:
        self._write(f"{text}\n")

    @contextmanager
    def over(self, label: str, size: int, noun: str = "message") -> Iterator[Tick]:
        """Gives a function that shows progress over `size`. What is done at once shows nothing."""
        due = time.monotonic() + _FIRST_AFTER
        drawn = False

        def tick(done: float, count: int) -> None:
            nonlocal due, drawn
            if time.monotonic() >= due:
                self._show(printable(label), min(done / size, 1.0) if size else 1.0, counted(count, noun))
                due, drawn = time.monotonic() + (_BAR_EVERY if self._on_terminal else _LINE_EVERY), True

        try:
            yield tick
        finally:
            if drawn and self._on_terminal:
                self._write("\r\x1b[K")

    def _show(self, label: str, part: float, counted: str) -> None:
        state = f"{part:4.0%}  {counted}"
        if self._on_terminal:
            bar = "#" * round(part * _BAR_WIDTH)
            self._write(f"\r\x1b[K{label}  [{bar:-<{_BAR_WIDTH}}] {state}")
        else:
            self._write(f"{label}: {state.strip()} so far\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
