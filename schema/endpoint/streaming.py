"""Server-sent events as every client understands them."""

from strawberry.http.streaming import SSETransport

_STREAM = "text/event-stream"


class EventStream(SSETransport):
    """Ranks what a client accepts, and ends lines with LF: some clients list the stream last, or know no CRLF."""

    def accepts(self, accept: str) -> bool:
        ranked = sorted((_quality(part), -place) for place, part in enumerate(accept.split(",")))
        best = accept.split(",")[-ranked[-1][1]]
        return best.split(";", 1)[0].strip().lower() == _STREAM

    def encode_event(self, event: str, data: str | None = None) -> str:
        return f"event: {event}\ndata: {data or ''}\n\n"

    def encode_comment(self, comment: str) -> str:
        return f": {comment}\n\n"


def _quality(part: str) -> float:
    """Return how much a client wants one entry of its Accept header: 0 to 1."""
    for parameter in part.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
