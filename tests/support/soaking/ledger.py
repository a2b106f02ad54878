"""What the clients of a soak asked, were answered and saw.

Contents, titles and names that a soak writes begin with a token `#…#` that no other request has.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from services.streaming import cursors
from services.streaming.cursors import Cursor

Row = dict[str, Any]

# Seconds within which a request whose caller has left may still take effect: a lock, and the queue after it.
LATE_SECONDS = 60.0
UNKNOWN = "unknown"

_TOKEN = re.compile(r"#[^#]+#")
_FINAL = ("COMPLETED", "STOPPED", "FAILED", "INTERRUPTED")
_CREATED = ("message", "reply", "conversation", "character")


def token_of(text: str | None) -> str | None:
    found = _TOKEN.match(text or "")
    return found.group() if found else None


@dataclass
class Request:
    """`code`: "ok", that of a refusal or an error, "cancelled" by the client, or "lost" with the connection."""

    kind: str
    input: dict[str, Any]
    conversation: str | None
    began: float
    ended: float = math.inf
    code: str = "lost"
    payload: dict[str, Any] = field(default_factory=dict)
    may_have_happened: bool = True

    @property
    def version(self) -> int:
        return int((self.payload.get("conversation") or {}).get("historyVersion", 0))

    @property
    def tokens(self) -> list[str]:
        """The tokens of the texts that it stores."""
        texts = [self.input.get(name) for name in ("content", "title", "name")]
        texts += [element["content"] for element in self.input.get("chatHistory", ())]
        return [token for token in map(token_of, texts) if token]

    @property
    def created(self) -> dict[str, str | None]:
        """The ids of what it created; None for what was deleted since."""
        return {part: self.payload[part] and self.payload[part]["id"] for part in _CREATED if part in self.payload}

    def close(self, now: float, code: str, may_have_happened: bool) -> None:
        self.code, self.may_have_happened = code, may_have_happened
        self.ended = now + LATE_SECONDS if code in ("cancelled", "lost") else now


@dataclass
class SeenMessage:
    """What answers have told of a message. `text` is the longest that was final."""

    conversation: str
    parent: str | None
    first_ended: float
    last_began: float
    text: str = ""


class Ledger:
    """All requests, the messages in their answers, the conversations that they did not find, and all watchers."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.seen: dict[str, SeenMessage] = {}
        self.missing: set[str] = set()
        self.watchers: list[Watcher] = []
        self.violations: list[str] = []

    def saw(self, request: Request, conversation: str, *messages: Row | None) -> None:
        """Notes messages that were there at some time between the request's begin and its end."""
        for message in filter(None, messages):
            new = SeenMessage(conversation, (message["parent"] or {}).get("id"), request.ended, request.began)
            seen = self.seen.setdefault(message["id"], new)
            seen.first_ended = min(seen.first_ended, request.ended)
            seen.last_began = max(seen.last_began, request.began)
            if message["status"] in _FINAL and len(message["content"]) > len(seen.text):
                seen.text = message["content"]

    def of(self, *kinds: str, code: str | None = None) -> Iterator[Request]:
        return (one for one in self.requests if one.kind in kinds and code in (None, one.code))

    def by(self, name: str, *kinds: str) -> dict[Any, list[Request]]:
        """Returns the requests that may have happened, by what they name in the input."""
        found = defaultdict(list)
        for request in self.of(*kinds):
            if request.may_have_happened:
                found[request.input[name]].append(request)
        return found

    def lineage(self, id: str | None) -> Iterator[str]:
        """Yields the message and those above it; UNKNOWN is the last where nobody saw the next one."""
        while id is not None:
            yield id
            id = None if id == UNKNOWN else self.seen[id].parent if id in self.seen else UNKNOWN


class End(NamedTuple):
    """A final event: the text that was folded by then, that of its message, and the longest one in this run."""

    run: int
    message_id: str
    folded: str
    shown: str | None
    longest: int


class Watcher:
    """Folds the events of one conversation's stream, over all its connections.

    `since` is the history version after which it missed nothing; None for one that passes by.
    """

    def __init__(self, conversation: str, after: str | None, continuous: bool = True) -> None:
        self.conversation = conversation
        self.cursor = after
        self.at = cursors.decode(conversation, after) if after else Cursor(0)
        self.since = self.at.version if continuous else None
        self.texts: dict[str, str] = {}
        self.finals: Counter[int] = Counter()
        self.ends: list[End] = []
        self.is_over = False
        self._longest = 0

    def take(self, event: Row) -> None:
        """Folds an event, as the README tells clients to."""
        run, id = self.at.run, event["messageId"]
        self.cursor, self.at = event["cursor"], cursors.decode(self.conversation, event["cursor"])
        match event["__typename"]:
            case "ReplyStarted":
                self.texts[id], self._longest = event["content"], 0
            case "ReplySnapshot":
                self.texts[id] = event["content"]
            case "ReplyDelta":
                units = self.texts.get(id, "").encode("utf-16-le")[: 2 * event["offset"]]
                self.texts[id] = units.decode("utf-16-le") + event["delta"]
                self._longest = max(self._longest, len(self.texts[id]))
            case "ReplyFinished" | "ReplyFailed":
                self.finals[run] += 1
                shown = event["message"] and event["message"]["content"]
                self.ends.append(End(run, id, self.texts.get(id, ""), shown, self._longest))
