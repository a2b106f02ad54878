"""Information about this server."""

from dataclasses import dataclass

from services.engines import Engine
from services.paging import MAX_PAGE_SIZE
from services.settings import Settings

VERSION = "0.1.0"

# The greatest number of GraphQL's Int; a limit above it is none that a client can meet.
_MAX_INT = 2**31 - 1


@dataclass(frozen=True)
class ServerInfo:
    """Sizes are in bytes, lengths in characters."""

    version: str
    engine: str
    engine_reason: str
    max_page_size: int
    max_message_length: int
    max_cost: int
    max_document_tokens: int
    max_depth: int
    max_aliases: int
    max_directives: int
    max_request_size: int
    max_chat_history_size: int
    max_answer_size: int
    max_operations: int
    max_backlog_size: int
    wait_limit_seconds: float

    @classmethod
    def of(cls, engine: Engine, settings: Settings) -> "ServerInfo":
        return cls(
            VERSION,
            engine.name,
            engine.reason,
            MAX_PAGE_SIZE,
            settings.max_message_length,
            settings.max_cost,
            settings.max_document_tokens,
            settings.max_depth,
            settings.max_aliases,
            settings.max_directives,
            _shown(settings.max_request),
            _shown(settings.max_body),
            _shown(settings.max_answer),
            settings.max_operations,
            _shown(settings.max_backlog),
            settings.wait_limit,
        )


def _shown(size: int) -> int:
    return min(size, _MAX_INT)
