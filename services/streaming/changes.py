"""Changes of a conversation: its state now, and again after each change."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from models import Conversation, Database
from services.errors import NotFound
from services.streaming.readers import Readers


@dataclass(frozen=True)
class ConversationChange:
    """The conversation after a change, or the id it had before it was deleted. `answers` is as of reply events."""

    conversation: Conversation | None
    deleted_conversation_id: str | None = None
    answers: dict[object, bytes] = field(default_factory=dict, repr=False, compare=False)


class ChangeService:
    def __init__(self, database: Database, readers: Readers) -> None:
        self._database = database
        self._readers = readers

    async def watch(self, owner: str, conversation_id: str) -> AsyncGenerator[ConversationChange, None]:
        """Returns the state now and after each change; the deletion is the last one. Raises NotFound."""
        async with self._database.read(owner) as session:
            if await session.get(Conversation, conversation_id) is None:
                raise NotFound("conversation", conversation_id)
        return self._changes(owner, conversation_id)

    async def _changes(self, owner: str, conversation_id: str) -> AsyncGenerator[ConversationChange, None]:
        seen = None
        with self._readers.watching(owner, conversation_id, text=False) as (reader, watch):
            while True:
                view = await reader.present(watch)
                if view.conversation is None:
                    yield ConversationChange(None, conversation_id, view.answers)
                    return
                if view.versions != seen:
                    seen = view.versions
                    yield ConversationChange(view.conversation, answers=view.answers)
                await watch.changed()
