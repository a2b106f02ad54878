"""Persisted queries that clients register, trusted documents of a file, and the LRU cache."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from schema.endpoint.errors import RequestError, request_error
from services.lru_cache import LRUCache

_OF_CHAT_PAGE = Path(__file__).parents[2] / "chat" / "built" / "documents.json"
# Characters of all registered documents together.
MAX_REGISTERED_LENGTH = 5_000_000


class DocumentsError(ValueError):
    """The file of trusted documents cannot be used; the message says in one line why."""


class Documents:
    """Finds the document of a request. With `only_trusted`, only documents of the file are executed."""

    def __init__(self, trusted: Mapping[str, str], only_trusted: bool) -> None:
        texts = [*_documents_of_chat_page(), *trusted.values()]
        self._trusted = {**{digest(text): text for text in texts}, **trusted}
        self._only_trusted = only_trusted
        self._registered: LRUCache[str, str] = LRUCache(MAX_REGISTERED_LENGTH)

    @classmethod
    def read(cls, file: Path | None, only_trusted: bool) -> "Documents":
        """Read the file of trusted documents. Raises DocumentsError."""
        if file is None:
            if only_trusted:
                raise DocumentsError("REPARTEE_DOCUMENTS_ONLY requires REPARTEE_DOCUMENTS_FILE.")
            return cls({}, only_trusted)
        try:
            return cls(_parse(json.loads(file.read_text("utf-8"))), only_trusted)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise DocumentsError(f"The trusted documents in {file} cannot be read ({reason}).") from error

    def text(self, query: str | None, document_id: str | None, sha256: str | None) -> str:
        """Return the document to execute. Raises RequestError."""
        if document_id is not None:
            return self._trusted_document(document_id)
        if query is None:
            return self._persisted_query(sha256 or "")
        if self._only_trusted and digest(query) not in self._trusted:
            raise request_error(
                "This server executes only trusted documents; send a `documentId` instead of a `query`.",
                "DOCUMENT_NOT_TRUSTED",
            )
        if sha256 is not None and digest(query) != sha256:
            raise request_error("provided sha does not match query", "PERSISTED_QUERY_HASH_MISMATCH")
        return query

    def register(self, text: str, sha256: str) -> None:
        """Store a valid document under its hash."""
        self._registered.put(sha256, text, len(text))

    def _trusted_document(self, document_id: str) -> str:
        text = self._trusted.get(document_id) or self._trusted.get(document_id.removeprefix("sha256:"))
        if text is None:
            raise request_error("No trusted document has this `documentId`.", "PERSISTED_DOCUMENT_NOT_FOUND")
        return text

    def _persisted_query(self, sha256: str) -> str:
        text = self._trusted.get(sha256) or self._registered.get(sha256)
        if text is None:
            raise _not_found()
        return text


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _documents_of_chat_page() -> Iterable[str]:
    """Returns the documents of the server's own page, which is trusted like the server itself."""
    return json.loads(_OF_CHAT_PAGE.read_text("utf-8")).values() if _OF_CHAT_PAGE.exists() else ()


def _not_found() -> RequestError:
    # The message and the code are those that Apollo Client and urql react to.
    return request_error("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")


def _parse(content: Any) -> dict[str, str]:
    """Return the documents of either format: {"id": "document"}, or Apollo's manifest of operations."""
    if content.get("format") == "apollo-persisted-query-manifest":
        content = {operation["id"]: operation["body"] for operation in content["operations"]}
    if not all(isinstance(text, str) for text in content.values()):
        raise TypeError("each document must be a string")
    return dict(content)
