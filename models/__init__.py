"""Tables, and the database they live in. Imports nothing of Repartee's."""

from models.attempt import Attempt
from models.audit_event import AuditEvent
from models.base import Base, new_key, now
from models.character import Character
from models.clock import database_time
from models.conversation import Conversation, TitleSource
from models.credential import Credential, CredentialKind
from models.database import Database, Unavailable, after_commit
from models.external_identity import ExternalIdentity
from models.generation import Failure, FailureCode, FinishReason, Generation, TokenUsage
from models.idempotency_key import IdempotencyKey
from models.message import UNFINISHED, Message, Role, Status
from models.message_text import TEXT_INDEX, TEXTS_OF_EVERYONE, MessageText, TextFilling
from models.origin import Origin, OriginKind
from models.ownership import LOCAL_OWNER, Everyone, Owned, Owner, OwnershipError, everyone
from models.prepared import Prepared, PreparedInsert, insert_of
from models.reading import read_together
from models.run import Run
from models.sqlite_connections import ReadTooLarge
from models.storing import store_changes
from models.usage_day import UsageDay
from models.user import User, UserRole, UserStatus
from models.writer import Writer

__all__ = [
    "LOCAL_OWNER",
    "TEXTS_OF_EVERYONE",
    "TEXT_INDEX",
    "UNFINISHED",
    "Attempt",
    "AuditEvent",
    "Base",
    "Character",
    "Conversation",
    "Credential",
    "CredentialKind",
    "Database",
    "Everyone",
    "ExternalIdentity",
    "Failure",
    "FailureCode",
    "FinishReason",
    "Generation",
    "IdempotencyKey",
    "Message",
    "MessageText",
    "Origin",
    "OriginKind",
    "Owned",
    "Owner",
    "OwnershipError",
    "Prepared",
    "PreparedInsert",
    "ReadTooLarge",
    "Role",
    "Run",
    "Status",
    "TextFilling",
    "TitleSource",
    "TokenUsage",
    "Unavailable",
    "UsageDay",
    "User",
    "UserRole",
    "UserStatus",
    "Writer",
    "after_commit",
    "database_time",
    "everyone",
    "insert_of",
    "new_key",
    "now",
    "read_together",
    "store_changes",
]
