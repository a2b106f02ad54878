"""Server-sent events out of the bytes of a connection, wherever it cuts them."""

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\r|\n")


class EventReader:
    """Fed with bytes, it yields the data of every event that is whole.

    It looks for line ends in the bytes and decodes whole lines only: no line end occurs inside a character.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._after_return = False
        self._data: list[str] = []

    def feed(self, received: bytes) -> Iterator[str]:
        for line in self._whole_lines(received):
            if line:
                self._take(line)
            elif self._data:
                yield "\n".join(self._data)
                self._data = []

    def _whole_lines(self, received: bytes) -> list[bytes]:
        # A line end of two bytes may come in halves; its second half alone would look like an empty line.
        fresh = received.removeprefix(b"\n") if self._after_return else received
        self._after_return = received.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + fresh)
        return lines

    def _take(self, line: bytes) -> None:
        field, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" ").decode(errors="replace"))
