"""Watching what a conversation is: its state now, and again after each change."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from models import Conversation, Database
from services.broker import Broker
from services.errors import NotFound

# Seconds for which changes are gathered into one.
GATHERING = 0.05
# Seconds after which the row is read again though nothing was announced.
PATIENCE = 60.0


@dataclass(frozen=True)
class ConversationChange:
    """The conversation after a change, or the id it had before it was deleted."""

    conversation: Conversation | None
    deleted_conversation_id: str | None = None


class ChangeService:
    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker

    async def watch(self, conversation_id: str) -> AsyncGenerator[ConversationChange, None]:
        """Return the state now and after each change; it ends with a deletion. Raises NotFound."""
        if await self._read(conversation_id) is None:
            raise NotFound("conversation", conversation_id)
        return self._changes(conversation_id)

    async def _changes(self, conversation_id: str) -> AsyncGenerator[ConversationChange, None]:
        seen = None
        with self._broker.watch(conversation_id) as watch:
            while True:
                watch.take_news()
                conversation = await self._read(conversation_id)
                if conversation is None:
                    yield ConversationChange(None, conversation_id)
                    return
                if seen != (seen := (conversation.version, conversation.history_version)):
                    yield ConversationChange(conversation)
                while not watch.take_news():
                    await watch.changed(PATIENCE)
                await asyncio.sleep(GATHERING)

    async def _read(self, conversation_id: str) -> Conversation | None:
        async with self._database.read() as session:
            return await session.get(Conversation, conversation_id)
