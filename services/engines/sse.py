"""Server-sent events parser: turns received bytes into the data of events."""

from collections.abc import Iterator

MAX_EVENT_BYTES = 1024 * 1024


class EventTooLong(ValueError):
    """Raised for a line, or the data of one event, of more than MAX_EVENT_BYTES."""


class EventReader:
    """Incremental parser of one event stream, however the stream is cut into chunks.

    Each byte is searched once, and at most one line and one event are kept. Only complete lines are decoded, so a
    character that is cut by a chunk stays whole.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._after_return = False
        self._data: list[str] = []
        self._data_bytes = 0

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yields the data of each event that the chunk completes. Raises EventTooLong."""
        for line in self._lines(chunk):
            if line:
                self._add_field(line)
            elif self._data:
                yield "\n".join(self._data)
                self._data = []
                self._data_bytes = 0

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        # When "\r\n" is cut in the middle, the "\n" alone would look like an empty line.
        fresh = chunk.removeprefix(b"\n") if self._after_return else chunk
        self._after_return = chunk.endswith(b"\r")
        for line in fresh.splitlines(keepends=True):
            text = line.rstrip(b"\r\n")
            is_whole = len(text) < len(line)
            if is_whole and not self._line and len(text) <= MAX_EVENT_BYTES:
                yield text
                continue
            self._extend_line(text)
            if is_whole:
                yield bytes(self._line)
                self._line.clear()

    def _extend_line(self, part: bytes) -> None:
        if len(self._line) + len(part) > MAX_EVENT_BYTES:
            raise EventTooLong
        self._line += part

    def _add_field(self, line: bytes) -> None:
        field, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        if field != b"data":
            return
        value = value.removeprefix(b" ")
        # The line feed that joins the values counts too, so that empty values cannot add up without limit.
        self._data_bytes += len(value) + bool(self._data)
        if self._data_bytes > MAX_EVENT_BYTES:
            raise EventTooLong
        self._data.append(value.decode(errors="replace"))
