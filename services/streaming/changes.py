"""Changes of a conversation: its state now, and again after each change."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from models import Conversation, Database
from services.errors import NotFound
from services.streaming.readers import Reader, Readers
from services.streaming.rows import conversation_of
from services.streaming.watches import Watch


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
        conversation = await conversation_of(self._database, owner, conversation_id)
        if conversation is None:
            raise NotFound("conversation", conversation_id)
        return self._changes(owner, conversation)

    async def _changes(self, owner: str, conversation: Conversation) -> AsyncGenerator[ConversationChange, None]:
        seen, conversation_id = None, conversation.id
        with self._readers.watching(owner, conversation_id, text=False) as (reader, watch):
            while await _is_behind(reader, watch, conversation):
                # Another process has told this one nothing yet, but its caller may know.
                reader.rows_changed()
                await watch.changed()
            while True:
                view = await reader.present(watch)
                if view.conversation is None:
                    yield ConversationChange(None, conversation_id, view.answers)
                    return
                if view.versions != seen:
                    seen = view.versions
                    yield ConversationChange(view.conversation, answers=view.answers)
                await watch.changed()


async def _is_behind(reader: Reader, watch: Watch, conversation: Conversation) -> bool:
    """Returns whether the newest view is older than the conversation that was read."""
    versions = (await reader.present(watch)).versions
    return versions is not None and (
        versions[0] < conversation.history_version or versions[1] < conversation.version
    )
