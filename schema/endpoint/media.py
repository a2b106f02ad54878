"""What a client accepts, and which of our media types suits it best."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Media(StrEnum):
    """What we can answer with, the first preferred where the client has no preference."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    EVENTS = "text/event-stream"
    PARTS = "multipart/mixed"
    PAGE = "text/html"


STREAMS = (Media.EVENTS, Media.PARTS)
ANSWERS = (Media.JSON, Media.GRAPHQL, *STREAMS)

_ENTRY = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+"?)++')
_PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)')


@dataclass(frozen=True)
class MediaType:
    """A media type or range of a header, in lower case."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "MediaType":
        name, semicolon, rest = text.partition(";")
        found = _PARAMETER.findall(semicolon + rest)
        return cls(name.strip().lower(), {key.lower(): value.strip('"').lower() for key, value in found})

    @property
    def quality(self) -> float:
        try:
            return min(max(float(self.parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            return 0.0

    def closeness(self, media: Media) -> int:
        """Tell how exactly this range names what we have: 0 is not at all."""
        if self.name == media:
            # Without this parameter the client wants @defer, which is another protocol.
            return 3 if media is not Media.PARTS or "subscriptionspec" in self.parameters else 0
        if self.name == "*/*":
            return 1
        return 2 if self.name == media.partition("/")[0] + "/*" else 0


def ranked(accept: str | None, offered: Sequence[Media]) -> list[Media]:
    """Return which of `offered` the client takes: the most wanted first, then the first named."""
    if accept is None or not accept.strip():
        return list(offered)
    ranges = [MediaType.read(entry) for entry in _ENTRY.findall(accept)]
    wishes = []
    for preference, media in enumerate(offered):
        closest = max(
            ((one.closeness(media), -place, one.quality) for place, one in enumerate(ranges)), default=(0, 0, 0.0)
        )
        closeness, place, quality = closest
        if closeness and quality > 0:
            wishes.append((-quality, -place, preference, media))
    return [media for *_, media in sorted(wishes)]
