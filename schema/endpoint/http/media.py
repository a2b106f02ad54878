"""Content negotiation: media types of responses, and their ranking by an Accept header."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache


class MediaType(StrEnum):
    """Media types of responses, in order of preference when the client has none."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    EVENT_STREAM = "text/event-stream"
    MULTIPART = "multipart/mixed"
    HTML = "text/html"


STREAMS = (MediaType.EVENT_STREAM, MediaType.MULTIPART)
ANSWERS = (MediaType.JSON, MediaType.GRAPHQL, *STREAMS)

_ENTRY = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+"?)++')
_PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)')


@dataclass(frozen=True)
class AcceptRange:
    """A media range of an Accept header, or the media type of a Content-Type header, in lower case."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "AcceptRange":
        name, semicolon, rest = text.partition(";")
        parameters = _PARAMETER.findall(semicolon + rest)
        return cls(name.strip().lower(), {key.lower(): value.strip('"').lower() for key, value in parameters})

    @property
    def quality(self) -> float:
        try:
            return min(max(float(self.parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            return 0.0

    def specificity(self, media: MediaType) -> int:
        """Return how exactly the range matches the media type, from 0 (not at all) to 3."""
        if self.name == media:
            # Without subscriptionSpec, multipart/mixed is a request for @defer, which is another protocol.
            return 3 if media is not MediaType.MULTIPART or "subscriptionspec" in self.parameters else 0
        if self.name == "*/*":
            return 1
        return 2 if self.name == media.partition("/")[0] + "/*" else 0


@lru_cache(maxsize=1000)
def accepted_types(accept: bytes | None, offered: tuple[MediaType, ...]) -> tuple[MediaType, ...]:
    """Return what `ranked` does for the bytes of an Accept header; a page is not kept for a second choice.

    Most clients send one of few headers.
    """
    found = ranked(None if accept is None else accept.decode("latin-1"), offered)
    return tuple(media for media in found if media is not MediaType.HTML or media is found[0])


def ranked(accept: str | None, offered: Sequence[MediaType]) -> list[MediaType]:
    """Return the media types of `offered` that the client accepts, by quality, then by order in the header."""
    if accept is None or not accept.strip():
        return list(offered)
    ranges = [AcceptRange.read(entry) for entry in _ENTRY.findall(accept)]
    accepted = []
    for preference, media in enumerate(offered):
        closest = max(
            ((one.specificity(media), -place, one.quality) for place, one in enumerate(ranges)),
            default=(0, 0, 0.0),
        )
        specificity, place, quality = closest
        if specificity and quality > 0:
            accepted.append((-quality, -place, preference, media))
    return [media for *_, media in sorted(accepted)]
