"""Documents that need not be sent: registered by clients as they go, or listed in a file that is trusted."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from schema.endpoint.errors import RequestError, refused

V = TypeVar("V")

# Characters of all the documents that clients may register.
MAX_REGISTERED = 5_000_000


class DocumentsError(ValueError):
    """The file of trusted documents cannot be used; the text says in one line why."""


class Kept(Generic[V]):
    """What was used last, as long as it all weighs no more than `capacity`."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._kept: OrderedDict[str, tuple[V, int]] = OrderedDict()

    def get(self, key: str) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: str, value: V, weight: int) -> None:
        self._weight += weight - self._kept.pop(key, (value, 0))[1]
        self._kept[key] = (value, weight)
        while self._weight > self._capacity:
            _, (_, lost) = self._kept.popitem(last=False)
            self._weight -= lost


class Documents:
    """Finds the text of what is asked. With `only_trusted`, no text but the file's is executed."""

    def __init__(self, trusted: Mapping[str, str], only_trusted: bool) -> None:
        self._trusted = {**{digest(text): text for text in trusted.values()}, **trusted}
        self._only_trusted = only_trusted
        self._registered: Kept[str] = Kept(MAX_REGISTERED)

    @classmethod
    def read(cls, file: Path | None, only_trusted: bool) -> "Documents":
        """Raise DocumentsError."""
        if file is None:
            if only_trusted:
                raise DocumentsError("REPARTEE_DOCUMENTS_ONLY needs a REPARTEE_DOCUMENTS_FILE.")
            return cls({}, only_trusted)
        try:
            return cls(_listed(json.loads(file.read_text("utf-8"))), only_trusted)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise DocumentsError(f"The trusted documents in {file} cannot be read ({reason}).") from error

    def text(self, query: str | None, document_id: str | None, sha256: str | None) -> str:
        """Return the text to execute; raise RequestError when there is none."""
        if document_id is not None:
            return self._trusted_one(document_id)
        if query is None:
            return self._persisted(sha256 or "")
        if self._only_trusted:
            raise refused(
                "This server executes only documents it knows; give its `documentId`.", "DOCUMENT_NOT_TRUSTED"
            )
        if sha256 is not None and digest(query) != sha256:
            raise refused("provided sha does not match query", "PERSISTED_QUERY_HASH_MISMATCH")
        return query

    def register(self, text: str, sha256: str) -> None:
        """Remember a document that turned out to be good."""
        self._registered.put(sha256, text, len(text))

    def _trusted_one(self, document_id: str) -> str:
        text = self._trusted.get(document_id) or self._trusted.get(document_id.removeprefix("sha256:"))
        if text is None:
            raise refused("There is no document with this id.", "PERSISTED_DOCUMENT_NOT_FOUND")
        return text

    def _persisted(self, sha256: str) -> str:
        text = self._trusted.get(sha256) or self._registered.get(sha256)
        if text is None:
            raise _not_found()
        return text


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _not_found() -> RequestError:
    # The words and the code that Apollo's and urql's clients wait for.
    return refused("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")


def _listed(content: Any) -> dict[str, str]:
    """Read either shape in use: {"id": "document"}, or Apollo's manifest of operations."""
    if content.get("format") == "apollo-persisted-query-manifest":
        content = {operation["id"]: operation["body"] for operation in content["operations"]}
    if not all(isinstance(text, str) for text in content.values()):
        raise TypeError("each document must be a text")
    return dict(content)
