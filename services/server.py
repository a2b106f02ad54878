"""Information about this server."""

from dataclasses import dataclass

from services.engines import Engine
from services.paging import MAX_PAGE_SIZE
from services.settings import Settings

VERSION = "0.1.0"


@dataclass(frozen=True)
class ServerInfo:
    version: str
    engine: str
    engine_reason: str
    max_page_size: int
    max_message_length: int

    @classmethod
    def of(cls, engine: Engine, settings: Settings) -> "ServerInfo":
        return cls(VERSION, engine.name, engine.reason, MAX_PAGE_SIZE, settings.max_message_length)
