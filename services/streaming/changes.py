"""Changes of a conversation: its state now, and again after each change."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from models import Conversation, Database
from services.broker import Broker
from services.errors import NotFound

# Seconds for which changes are gathered into one.
CHANGE_INTERVAL = 0.05
# Seconds between two looks at whether something was announced.
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class ConversationChange:
    """The conversation after a change, or the id it had before it was deleted."""

    conversation: Conversation | None
    deleted_conversation_id: str | None = None


class ChangeService:
    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker

    async def watch(self, owner: str, conversation_id: str) -> AsyncGenerator[ConversationChange, None]:
        """Returns the state now and after each change; the deletion is the last one. Raises NotFound."""
        if await self._read(owner, conversation_id) is None:
            raise NotFound("conversation", conversation_id)
        return self._changes(owner, conversation_id)

    async def _changes(self, owner: str, conversation_id: str) -> AsyncGenerator[ConversationChange, None]:
        seen = None
        with self._broker.watch(conversation_id) as watch:
            while True:
                watch.take_news()
                conversation = await self._read(owner, conversation_id)
                if conversation is None:
                    yield ConversationChange(None, conversation_id)
                    return
                versions = (conversation.version, conversation.history_version)
                if versions != seen:
                    yield ConversationChange(conversation)
                seen = versions
                while not watch.take_news():
                    await watch.changed(WAIT_SECONDS)
                await asyncio.sleep(CHANGE_INTERVAL)

    async def _read(self, owner: str, conversation_id: str) -> Conversation | None:
        async with self._database.read(owner) as session:
            return await session.get(Conversation, conversation_id)
