"""Descriptions that several types of the contract share."""

SCHEMA = """The API of Repartee, a server for chats with characters. The first three steps:

1. createCharacter stores a character, or query characters, because a new server has one.
2. createConversation begins a conversation with it.
3. sendMessage stores what you say and, by default, waits for the reply. To watch a reply grow, send with
   replyMode: BACKGROUND and subscribe to replyStream with the streamCursor of the result.

Lists have two forms: a short one, and a connection with cursors as Relay defines them. Mutations take one input
and report what they refuse in userErrors; every other error has a code in its extensions."""

# Of a character, in its type and in the inputs that create and change it.
CHARACTER_NAME = "The name of the character (1–200 characters)."
CHARACTER_DESCRIPTION = "Who the character is; part of the prompt."
PERSONALITY = "The personality of the character; part of the prompt."
SCENARIO = "Where and when the conversations with the character take place; part of the prompt."
SYSTEM_PROMPT = "The system prompt for the character; when empty, the server's default system prompt is used."
POST_HISTORY_INSTRUCTIONS = "Instructions to the model that the prompt has after the chat history."
EXAMPLE_DIALOGUE = "Example dialogue that shows how the character talks; part of the prompt."
GREETING = "The first message that the character sends in a new conversation."
ALTERNATE_GREETINGS = (
    "Other greetings of the character; in a new conversation they are alternatives of the greeting."
)
TAGS = "Free-form tags of the character."
AVATAR_URL = "The URL of the character's picture."
CHARACTER_GENERATION = "How the replies of the character are generated."

# Of a conversation, likewise.
TOPIC = "What the conversation is about; part of the prompt."
CONTEXT = "Additional facts for the model; part of the prompt."
CONVERSATION_GENERATION = (
    "How the replies in the conversation are generated; settings that are null are inherited from the character."
)

# Of generation settings.
MODEL = "The name of the model that writes the replies; see Query.models."
_WHERE_KNOWN = " Engines that do not have this setting reply without it."
TEMPERATURE = "Sampling temperature: higher values make the choice of tokens more random (0–2)."
TOP_P = "Nucleus sampling: considers only the most likely tokens whose probabilities add up to this (0–1)."
MIN_P = (
    "Considers only tokens that are at least this fraction as likely as the likeliest one (0–1)." + _WHERE_KNOWN
)
TOP_K = "Considers only this many of the most likely tokens (0–1,000,000); 0 considers all." + _WHERE_KNOWN
FREQUENCY_PENALTY = (
    "Makes a token less likely the more often the text has it already (−2 to 2); negative values make it more "
    "likely." + _WHERE_KNOWN
)
PRESENCE_PENALTY = (
    "Makes a token less likely once the text has it (−2 to 2); negative values make it more likely." + _WHERE_KNOWN
)
MAX_TOKENS = "Generates at most this many tokens for a reply (1–1,000,000)."
STOP = "Stop sequences: the reply ends before the first of these texts (at most 8 texts)."
SEED = "Random seed: with the same seed and prompt, engines that support it generate the same reply."

# Of the arguments and inputs that many operations have.
IDEMPOTENCY_KEY = (
    "A key that the client chooses: a request that is repeated with the same key is executed only once and "
    "returns the result of the first time. A different request with the same key is an IdempotencyConflictError."
)
EXPECTED_VERSION = (
    "The `version` that the change is based on: if it has grown since, nothing is changed and a "
    "VersionConflictError is returned."
)
EXPECTED_HISTORY_VERSION = (
    "The `historyVersion` that the change is based on: if it has grown since, nothing is changed and a "
    "VersionConflictError is returned."
)
CONVERSATION_TO_WATCH = "The id of the conversation to watch."
SEARCH_NAME = "Returns only the characters whose name contains this text, ignoring case."
SEARCH_TITLE = "Returns only the conversations whose title contains this text, ignoring case."
CHARACTER_ORDER = "Returns the characters in this order."
CONVERSATION_ORDER = "Returns the conversations in this order."
