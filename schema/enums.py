"""The enums of models and services, described for people."""

from models import FailureCode, FinishReason, Role, Status, TitleSource
from schema.binding import enum
from services.characters import CharacterOrder
from services.conversations import ConversationOrder
from services.errors import RefusalCode
from services.exchanges import BusyPolicy, ReplyMode

enum(
    Role,
    "MessageRole",
    "On whose side a message stands.",
    SYSTEM="Instructions to the model.",
    USER="What the user said.",
    ASSISTANT="What the character said.",
)
enum(
    Status,
    "MessageStatus",
    "How far a message is. PENDING and STREAMING are replies being written; the others are final.",
    PENDING="A reply of which no text has come yet.",
    STREAMING="A reply of which text is coming.",
    COMPLETED="Said to its end.",
    STOPPED="Stopped on request; what was written stays.",
    FAILED="The engine failed; see `failure`.",
    INTERRUPTED="The server that wrote it went away; continueReply goes on.",
)
enum(
    FinishReason,
    "FinishReason",
    "Why the text of a reply ends where it ends.",
    END="The model had nothing to add.",
    LENGTH="maxTokens or the context was used up.",
    STOPPED="stopReply, `ifBusy: STOP`, clearing or deleting.",
)
enum(
    FailureCode,
    "ReplyFailureCode",
    "Kinds of failure.",
    ENGINE_UNAVAILABLE="The engine cannot be reached, or is out of order.",
    ENGINE_TIMEOUT="The engine made no progress in time.",
    ENGINE_REFUSED="The engine does not take the request: a key, a model or a setting is wrong.",
    ENGINE_BROKE_OFF="The engine stopped in the middle.",
    RATE_LIMITED="The engine has had too many requests.",
    CONTEXT_TOO_LONG="The character and the newest message alone are too long for the model.",
    CONTENT_FILTERED="The engine's filter ended the reply.",
    INTERRUPTED="The server that wrote the reply went away.",
    INTERNAL="An error of this server, which its log describes.",
)
enum(
    TitleSource,
    "TitleSource",
    "Where a title comes from.",
    DEFAULT="Nobody has named the conversation.",
    USER="Somebody named it.",
    IMPORTED="It came with an import.",
)
enum(
    ReplyMode,
    "ReplyMode",
    "When a mutation that causes a reply answers. The reply is written, and can be watched, in any case.",
    WAIT="When the reply is final, or after the server's wait limit with the reply still STREAMING.",
    BACKGROUND="At once; watch the reply with replyStream.",
    NONE="No reply is written; requestReply asks for one later.",
)
enum(
    BusyPolicy,
    "BusyPolicy",
    "What to do when a reply is being written in the conversation.",
    REJECT="Refuse with ReplyInProgressError.",
    STOP="Stop that reply first; what was written stays.",
)
enum(
    ConversationOrder,
    "ConversationOrder",
    "Orders of conversations.",
    ACTIVE_DESC="Where somebody spoke last comes first.",
    UPDATED_DESC="What changed last comes first.",
    CREATED_DESC="The newest comes first.",
    CREATED_ASC="The oldest comes first.",
    TITLE_ASC="By title, without regard to case.",
)
enum(
    CharacterOrder,
    "CharacterOrder",
    "Orders of characters.",
    NAME_ASC="By name, without regard to case.",
    ACTIVE_DESC="Whoever somebody spoke with last comes first.",
    CREATED_DESC="The newest comes first.",
    UPDATED_DESC="Whoever changed last comes first.",
)
enum(
    RefusalCode,
    "UserErrorCode",
    "Kinds of refusal.",
    INVALID_INPUT="A value cannot be accepted.",
    NOT_FOUND="An id names nothing.",
    VERSION_CONFLICT="Somebody changed it meanwhile.",
    REPLY_IN_PROGRESS="A reply is being written in the conversation.",
    WRONG_ROLE="The message is of the wrong side.",
    IDEMPOTENCY_CONFLICT="The key was used for another request.",
)
