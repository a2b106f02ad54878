"""The log: lines for people, or JSON for programs, each with the id of the request that it is about."""

import json
import logging
import random
from contextvars import ContextVar
from datetime import UTC, datetime

from services.settings import Settings

# A task that a request begins has the request's id too.
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(settings: Settings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JSONLines() if settings.log_format == "json" else Lines(_FORM))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("repartee").setLevel(settings.log_level.upper())


def new_request_id() -> str:
    # It has to be unlike others, not secret, and the system's randomness takes longer than all else of an id.
    return f"{random.getrandbits(64):016x}"


def current_request_id() -> str:
    """Returns the id of the request that this task works for; a new one where there is none."""
    return _request_id.get() or new_request_id()


def set_request_id(id: str) -> None:
    """Notes for which request this task, and those that it begins, work."""
    _request_id.set(id)


class Lines(logging.Formatter):
    """One line for each message, with the request's id in brackets; a traceback takes more."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        line, id = super().formatMessage(record), _request_id.get()
        return line if id is None else f"{line} [{id}]"


class JSONLines(logging.Formatter):
    """One JSON object a line, whatever is in the message."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "requestId": _request_id.get(),
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in line.items() if value is not None})
