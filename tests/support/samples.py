"""Sample values for the arguments of the schema, so that a valid document can be made for each field."""

from typing import Any

from tests.support.contract import ABSENT

# The idempotency key of every request that has one.
KEY = "key"

# By coordinate, by name, or by type. Whatever the schema takes must have a value here.
SAMPLES: dict[str, Any] = {
    "Query.charactersConnection.last": ABSENT,
    "Query.conversationsConnection.last": ABSENT,
    "Conversation.messagesConnection.last": ABSENT,
    "after": ABSENT,
    "before": ABSENT,
    "alternateGreetings": ["Hey"],
    "avatarUrl": "https://example.org/a.png",
    "chatHistory": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}],
    "content": "Hello",
    "context": "A garden.",
    "description": "Kind.",
    "exampleDialogue": "Hi.",
    "expectedHistoryVersion": 1,
    "expectedVersion": 1,
    "first": 5,
    "greeting": "Hello",
    "idempotencyKey": KEY,
    "ifBusy": "STOP",
    "includeGreeting": False,
    "includeInactive": True,
    "last": 5,
    "maxTokens": 20,
    "metadata": {"colour": "blue"},
    "model": "test-model",
    "name": "Eve",
    "orderBy": "CREATED_DESC",
    "personality": "Calm.",
    "postHistoryInstructions": "Be brief.",
    "query": "hello",
    "replyMode": "BACKGROUND",
    "scenario": "Tea.",
    "search": "new",
    "seed": 1,
    "stop": ["END"],
    "systemPrompt": "Speak.",
    "tags": ["kind"],
    "temperature": 0.5,
    "title": "A new title",
    "topP": 0.5,
    "minP": 0.1,
    "topK": 40,
    "frequencyPenalty": 0.5,
    "presencePenalty": -0.5,
    "topic": "Tea",
    "untilDone": True,
}
KINDS = {
    "Query.node.id": "node",
    "around": "message",
    "Query.nodes.ids": "node",
    "Query.character.id": "character",
    "Query.conversation.id": "conversation",
    "Query.message.id": "message",
    "characterId": "character",
    "conversationId": "conversation",
    "messageId": "message",
    "parentId": "message",
    "upToMessageId": "message",
}
