"""Speaking with a character: the operations that cause a reply, and the one that stops it."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, Message, Role, new_key
from services import checking, conversations, tree
from services.errors import InvalidInput, NotFound, WrongRole
from services.exchanges import Asked, Exchange, Exchanges, ReplyWish, Turn
from services.writer import ReplyWriter


class ReplyService:
    def __init__(
        self, database: Database, exchanges: Exchanges, writer: ReplyWriter, max_message_length: int
    ) -> None:
        self._database = database
        self._exchanges = exchanges
        self._writer = writer
        self._max_message_length = max_message_length

    async def send(
        self, owner: str, conversation_id: str, content: str, parent_id: str | None, wish: ReplyWish
    ) -> Exchange:
        """Say something after the last message, or after the one named, and let the character answer."""
        checking.spoken(content, "content", limit=self._max_message_length)

        async def act(session: AsyncSession, conversation: Conversation) -> Turn:
            parent = await _parent(session, conversation, parent_id)
            message = Message(id=new_key("msg"), role=Role.USER, content=content)
            await tree.place(session, conversation, parent, message)
            return Turn(message, message)

        return await self._exchanges.begin(
            Asked(owner, conversation_id, wish, ("sendMessage", content, parent_id), act)
        )

    async def request(self, owner: str, conversation_id: str, parent_id: str | None, wish: ReplyWish) -> Exchange:
        """Let the character speak after the last message, or after the one with `parent_id`."""

        async def act(session: AsyncSession, conversation: Conversation) -> Turn:
            return Turn(parent=await _parent(session, conversation, parent_id))

        return await self._exchanges.begin(Asked(owner, conversation_id, wish, ("requestReply", parent_id), act))

    async def regenerate(self, owner: str, message_id: str, wish: ReplyWish) -> Exchange:
        """Write another alternative of a reply; the old one stays. Raises WrongRole for what is no reply."""

        async def act(session: AsyncSession, conversation: Conversation) -> Turn:
            old = await _reply(session, message_id, "Only a reply can be generated again.")
            return Turn(parent=await by_id(session, old.parent_id))

        return await self._at(message_id, owner, wish, ("regenerateReply", message_id), act)

    async def carry_on(self, owner: str, message_id: str, wish: ReplyWish) -> Exchange:
        """Write on at the end of the last reply. Raises WrongRole and InvalidInput for any other message."""

        async def act(session: AsyncSession, conversation: Conversation) -> Turn:
            reply = await _reply(session, message_id, "Only a reply can be continued.")
            if not reply.active or reply.position != conversation.message_count - 1:
                raise InvalidInput("Only the last message of the conversation can be continued.", "message_id")
            return Turn(continued=reply)

        return await self._at(message_id, owner, wish, ("continueReply", message_id), act)

    async def add_alternative(self, owner: str, message_id: str, content: str, wish: ReplyWish) -> Exchange:
        """Put the user's own text beside a message; after a user's message the character answers."""
        checking.spoken(content, "content", limit=self._max_message_length)

        async def act(session: AsyncSession, conversation: Conversation) -> Turn:
            sibling = await found(session, message_id)
            message = Message(id=new_key("msg"), role=sibling.role, speaker_id=sibling.speaker_id, content=content)
            await tree.place(session, conversation, await by_id(session, sibling.parent_id), message)
            return Turn(message, message, answered=message.role is Role.USER)

        asked = ("addAlternative", message_id, content)
        return await self._at(message_id, owner, wish, asked, act)

    async def stop(self, owner: str, conversation_id: str, message_id: str | None = None) -> Exchange:
        """Stop the reply being written, or only the one named; what was written stays. Twice is fine."""
        async with self._database.read() as session:
            await conversations.get(session, owner, conversation_id)
            named = await by_id(session, message_id)
        if message_id is not None and (named is None or named.conversation_id != conversation_id):
            raise NotFound("message of this conversation", message_id, "message_id")
        stopped = await self._exchanges.whole(self._writer.stop(conversation_id, message_id))
        async with self._database.read() as session:
            conversation = await session.get(Conversation, conversation_id)
            return Exchange(conversation, reply=await by_id(session, stopped or message_id))

    async def _at(
        self,
        message_id: str,
        owner: str,
        wish: ReplyWish,
        what: tuple[Any, ...],
        act: Callable[[AsyncSession, Conversation], Awaitable[Turn]],
    ) -> Exchange:
        """Begin an exchange in the conversation of the message."""
        async with self._database.read() as session:
            message = await found(session, message_id)
        return await self._exchanges.begin(Asked(owner, message.conversation_id, wish, what, act))


async def by_id(session: AsyncSession, message_id: str | None) -> Message | None:
    return await session.get(Message, message_id) if message_id is not None else None


async def found(session: AsyncSession, message_id: str) -> Message:
    """Return the message. Raises NotFound."""
    message = await session.get(Message, message_id)
    if message is None:
        raise NotFound("message", message_id)
    return message


async def _parent(session: AsyncSession, conversation: Conversation, parent_id: str | None) -> Message | None:
    """Return what is to be answered: the message named, else the last one."""
    if parent_id is None:
        return await tree.last_active(session, conversation)
    parent = await session.get(Message, parent_id)
    if parent is None or parent.conversation_id != conversation.id:
        raise NotFound("message of this conversation", parent_id, "parent_id")
    return parent


async def _reply(session: AsyncSession, message_id: str, otherwise: str) -> Message:
    message = await found(session, message_id)
    if message.role is not Role.ASSISTANT:
        raise WrongRole(otherwise, message.role)
    return message
