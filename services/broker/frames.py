"""Frames: what processes tell each other about a conversation. Text, because NOTIFY carries nothing else."""

from enum import StrEnum
from typing import NamedTuple

# Code points of text in a frame: with four bytes each, they and the rest fit into the 7,999 bytes of a NOTIFY.
MAX_TEXT = 1200


class Kind(StrEnum):
    """ROWS: rows have changed. TEXT: text of the run from an offset on. ASK: send text from an offset on."""

    ROWS = "n"
    TEXT = "t"
    ASK = "a"


class Frame(NamedTuple):
    """Offsets count code points. Run and offset say where text belongs, so no frame depends on another."""

    kind: Kind
    sender: str
    run: int = 0
    offset: int = 0
    text: str = ""

    def encoded(self) -> bytes:
        return f"{self.kind} {self.sender} {self.run} {self.offset} {self.text}".encode()


def decoded(data: bytes) -> Frame | None:
    """Returns the frame; None for what no process of ours has sent."""
    try:
        kind, sender, run, offset, text = data.decode().split(" ", 4)
        return Frame(Kind(kind), sender, int(run), int(offset), text)
    except ValueError:
        return None
