"""Tables, and the database they live in. Imports nothing of Repartee's."""

from models.base import Base, new_key, now
from models.character import Character
from models.conversation import Conversation, TitleSource
from models.database import Database
from models.generation import Failure, FailureCode, FinishReason, Generation, TokenUsage
from models.message import UNFINISHED, Message, Role, Status
from models.origin import Origin, OriginKind
from models.request import Request
from models.run import Run

__all__ = [
    "UNFINISHED",
    "Base",
    "Character",
    "Conversation",
    "Database",
    "Failure",
    "FailureCode",
    "FinishReason",
    "Generation",
    "Message",
    "Origin",
    "OriginKind",
    "Request",
    "Role",
    "Run",
    "Status",
    "TitleSource",
    "TokenUsage",
    "new_key",
    "now",
]
