"""GraphQL enums, from the enums of models and services."""

from models import FailureCode, FinishReason, Role, Status, TitleSource, UserRole, UserStatus
from schema.binding import enum
from services.access.identity import AccessKind, ListedKind, TokenScope
from services.characters import CharacterOrder
from services.conversations import ConversationOrder
from services.errors import UserErrorCode
from services.replies.options import BusyPolicy, ReplyMode

enum(
    Role,
    "MessageRole",
    "The role of a message: who its author is.",
    SYSTEM="Instructions to the model.",
    USER="A message of the user.",
    ASSISTANT="A message of the character.",
)
enum(
    Status,
    "MessageStatus",
    "The status of a message. PENDING and STREAMING are replies that are being written; the others are final.",
    PENDING="A reply that has no text yet.",
    STREAMING="A reply whose text is growing.",
    COMPLETED="A message that is complete.",
    STOPPED="A reply that was stopped on request; the text written until then is kept.",
    FAILED="A reply that failed; `failure` says why.",
    INTERRUPTED="A reply that was not finished because its server process ended; continueReply continues it.",
)
enum(
    FinishReason,
    "FinishReason",
    "Why the text of a reply ends where it ends.",
    END="The model ended the text, or a stop sequence came.",
    LENGTH="The reply reached `maxTokens` or the context length of the model.",
    STOPPED="The reply was stopped: by stopReply, by `ifBusy: STOP`, or because its message was deleted.",
)
enum(
    FailureCode,
    "ReplyFailureCode",
    "The kind of failure of a reply.",
    ENGINE_UNAVAILABLE="The engine cannot be reached or does not work.",
    ENGINE_TIMEOUT="The engine made no progress within the time limit.",
    ENGINE_REFUSED="The engine rejected the request: the key, the model or a setting is wrong.",
    ENGINE_BROKE_OFF="The engine ended in the middle of the reply.",
    RATE_LIMITED="The engine received too many requests; try again after `retryAfterSeconds`.",
    CONTEXT_TOO_LONG="The prompt is longer than the model can read, even with the newest message alone.",
    CONTENT_FILTERED="The content filter of the engine ended the reply.",
    INTERRUPTED="The server process that wrote the reply ended; continueReply continues the reply.",
    INTERNAL="An internal error of this server; its log has the details.",
)
enum(
    TitleSource,
    "TitleSource",
    "Where the title of a conversation comes from.",
    DEFAULT="The title is the default title.",
    USER="The title was set by a client of this API, for the user.",
    IMPORTED="The title was imported with the conversation.",
    GENERATED="The title was written by the model after a reply; it never replaces another one.",
)
enum(
    ReplyMode,
    "ReplyMode",
    "When a mutation that requests a reply returns. Except with NONE, the server writes the reply even when the "
    "client disconnects, and replyStream can watch it.",
    WAIT="Returns when the reply is final, or after the wait limit of the server with the reply still STREAMING.",
    BACKGROUND="Returns at once; watch the reply with replyStream.",
    NONE="Requests no reply; requestReply can request one later.",
)
enum(
    BusyPolicy,
    "BusyPolicy",
    "What a mutation does when another reply is being written in the conversation.",
    REJECT="Changes nothing and returns a ReplyInProgressError.",
    STOP="Stops the other reply first; the text written until then is kept.",
)
enum(
    ConversationOrder,
    "ConversationOrder",
    "The order of a list of conversations.",
    ACTIVE_DESC="By `activeAt`, the latest first.",
    ACTIVE_ASC="By `activeAt`, the earliest first.",
    UPDATED_DESC="By `updatedAt`, the latest first.",
    UPDATED_ASC="By `updatedAt`, the earliest first.",
    CREATED_DESC="By `createdAt`, the newest first.",
    CREATED_ASC="By `createdAt`, the oldest first.",
    TITLE_ASC="By `title` from A to Z, ignoring case.",
    TITLE_DESC="By `title` from Z to A, ignoring case.",
)
enum(
    CharacterOrder,
    "CharacterOrder",
    "The order of a list of characters.",
    NAME_ASC="By `name` from A to Z, ignoring case.",
    NAME_DESC="By `name` from Z to A, ignoring case.",
    ACTIVE_DESC="By `activeAt`, the latest first.",
    ACTIVE_ASC="By `activeAt`, the earliest first.",
    CREATED_DESC="By `createdAt`, the newest first.",
    CREATED_ASC="By `createdAt`, the oldest first.",
    UPDATED_DESC="By `updatedAt`, the latest first.",
    UPDATED_ASC="By `updatedAt`, the earliest first.",
)
enum(
    UserErrorCode,
    "UserErrorCode",
    "The kind of a UserError.",
    INVALID_INPUT="A value of the input is not accepted; see InvalidInputError.",
    NOT_FOUND="An id names nothing; see NotFoundError.",
    VERSION_CONFLICT="The object has changed since the version in the input; see VersionConflictError.",
    REPLY_IN_PROGRESS="Another reply is being written in the conversation; see ReplyInProgressError.",
    WRONG_ROLE="The operation does not apply to a message of this role; see WrongRoleError.",
    IDEMPOTENCY_CONFLICT="The idempotency key was used for a different request; see IdempotencyConflictError.",
    FORBIDDEN="The viewer may not do this; see ForbiddenError.",
    QUOTA_EXCEEDED="The viewer has used up its quota; see QuotaExceededError.",
)
enum(
    UserRole,
    "UserRole",
    "What a user may do.",
    ADMIN="The user chats, and administers users; it sees no chats of theirs.",
    USER="The user chats.",
)
enum(
    UserStatus,
    "UserStatus",
    "Whether a user may sign in.",
    ACTIVE="The user may sign in.",
    DISABLED="The user may not sign in, and is signed out everywhere.",
)
enum(
    ListedKind,
    "CredentialKind",
    "The kind of a credential.",
    SESSION="A session, made by signing in.",
    TOKEN="A personal token, made by createToken.",
)
enum(
    TokenScope,
    "TokenScope",
    "What a personal token may do.",
    READ="Queries and subscriptions.",
    WRITE="Everything but what changes accounts.",
)
enum(
    AccessKind,
    "AccessKind",
    "By what the server knows who makes a request.",
    OPEN="The server is open to everybody.",
    START_TOKEN="The token of the server.",
    SESSION="A session.",
    TOKEN="A personal token.",
    JWT="A token of an issuer that the server trusts.",
    PROXY="The header of a proxy that the server trusts.",
)
