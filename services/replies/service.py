"""The operations that cause a reply, and the one that stops it."""

import asyncio
from dataclasses import replace
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from models import Conversation, Database, Message, Role, Run, Status, Unavailable
from services import checking, runs, tree
from services.access.modes import AccessMode, mode_of
from services.access.names import UserNames
from services.broker import Broker
from services.engines import Engine
from services.errors import InvalidInput, WrongRole
from services.heads import Head, lock_head
from services.idempotency import KeyedRequest
from services.locking import count_change, lock_conversation, lock_message, mark_active
from services.messages import require_message_in, with_live_text
from services.replies import quotas
from services.replies.options import BusyPolicy, ReplyMode, ReplyOptions, SentReply
from services.replies.prompts import PromptReader
from services.replies.stopping import Stops, Work
from services.replies.writer import ReplyWriter
from services.replies.writing import Assignment
from services.runs import RunKey
from services.settings import Settings
from services.streaming import cursors
from services.streaming.cursors import Cursor
from services.streaming.service import StreamService


class ReplyService:
    def __init__(
        self,
        database: Database,
        broker: Broker,
        engine: Engine,
        writer: ReplyWriter,
        streams: StreamService,
        names: UserNames,
        settings: Settings,
    ) -> None:
        self._database = database
        self._broker = broker
        self._writer = writer
        self._streams = streams
        self._stops = Stops(database, broker, writer, streams)
        self._prompts = PromptReader(database, names, engine)
        self._has_quotas = mode_of(settings) is AccessMode.ACCOUNTS
        self._max_message_length = settings.max_message_length
        self.wait_limit = settings.wait_limit

    async def send(
        self, owner: str, conversation_id: str, content: str, parent_id: str | None, options: ReplyOptions
    ) -> SentReply:
        """Sends a message after the last one, or after the one named; the character replies."""
        checking.not_empty(content, "content", limit=self._max_message_length)
        request = _keyed("sendMessage", options, content, parent_id)

        async def work(session: AsyncSession) -> SentReply:
            head = await lock_head(session, conversation_id)
            if known := await request.done_before(session, head.conversation.id):
                return await _done_before(session, head.conversation, known)
            head = await _at(session, head, parent_id)
            return await self._do(session, head, request, options, tree.new_message(Role.USER, content))

        return await self._perform(owner, work, options)

    async def request(
        self, owner: str, conversation_id: str, parent_id: str | None, options: ReplyOptions
    ) -> SentReply:
        """Lets the character reply to the last message, or to the one named."""
        request = _keyed("requestReply", options, parent_id)

        async def work(session: AsyncSession) -> SentReply:
            head = await lock_head(session, conversation_id)
            if known := await request.done_before(session, head.conversation.id):
                return await _done_before(session, head.conversation, known)
            return await self._do(session, await _at(session, head, parent_id), request, options)

        return await self._perform(owner, work, options)

    async def regenerate(self, owner: str, message_id: str, options: ReplyOptions) -> SentReply:
        """Writes an alternative of a reply; the old one stays. Raises WrongRole for any other message."""
        request = _keyed("regenerateReply", options, message_id)

        async def work(session: AsyncSession) -> SentReply:
            old, conversation = await lock_message(session, message_id)
            if known := await request.done_before(session, conversation.id):
                return await _done_before(session, conversation, known)
            _require_reply(old, "Only a reply can be regenerated.")
            head = await _below(session, conversation, old.parent_id)
            return await self._do(session, head, request, options)

        return await self._perform(owner, work, options)

    async def continue_reply(self, owner: str, message_id: str, options: ReplyOptions) -> SentReply:
        """Writes on at the end of the last reply. Raises WrongRole and InvalidInput for any other message."""
        request = _keyed("continueReply", options, message_id)

        async def work(session: AsyncSession) -> SentReply:
            reply, conversation = await lock_message(session, message_id)
            if known := await request.done_before(session, conversation.id):
                return await _done_before(session, conversation, known)
            _require_reply(reply, "Only a reply can be continued.")
            if not reply.active or reply.position != conversation.message_count - 1:
                raise InvalidInput("Only the last message of the conversation can be continued.", "message_id")
            head = Head(conversation, await runs.open_run(session, conversation.id), reply)
            return await self._do(session, head, request, options, continued=reply)

        return await self._perform(owner, work, options)

    async def add_alternative(self, owner: str, message_id: str, content: str, options: ReplyOptions) -> SentReply:
        """Adds the user's own text as an alternative of a message; the character replies to a user's message."""
        checking.not_empty(content, "content", limit=self._max_message_length)
        request = _keyed("addAlternative", options, message_id, content)

        async def work(session: AsyncSession) -> SentReply:
            sibling, conversation = await lock_message(session, message_id)
            if known := await request.done_before(session, conversation.id):
                return await _done_before(session, conversation, known)
            head = await _below(session, conversation, sibling.parent_id)
            message = tree.new_message(sibling.role, content, sibling.speaker_id)
            answered = options if message.role is Role.USER else replace(options, reply_mode=ReplyMode.NONE)
            return await self._do(session, head, request, answered, message)

        return await self._perform(owner, work, options)

    async def stop(self, owner: str, conversation_id: str, message_id: str | None = None) -> SentReply:
        """Stops the running reply, or only the one named; its text stays. Stopping twice succeeds."""
        stopped: str | None = None

        async def work(session: AsyncSession) -> SentReply:
            nonlocal stopped
            conversation = await lock_conversation(session, conversation_id)
            named = message_id and await require_message_in(session, conversation.id, message_id, "message_id")
            run = await runs.open_run(session, conversation.id)
            if run is None or (message_id or stopped) not in (None, run.message_id):
                return SentReply(conversation, reply=named or await _by_id(session, stopped))
            stopped = run.message_id
            await self._stops.stop(session, run)
            return SentReply(conversation, reply=await session.get_one(Message, run.message_id))

        return await self._stops.write(owner, work)

    async def _perform(self, owner: str, work: Work, options: ReplyOptions) -> SentReply:
        sent = await self._stops.write(owner, work)
        if sent.run is None or sent.conversation is None or options.reply_mode is not ReplyMode.WAIT:
            return sent
        try:
            async with asyncio.timeout(self.wait_limit) as limit:
                await self._until_ended(owner, RunKey(sent.conversation.id, sent.run))
        except TimeoutError:
            if not limit.expired():
                raise
        return await self._reload(owner, sent)

    async def _until_ended(self, owner: str, key: RunKey) -> None:
        if not await self._writer.until_written(key):
            await self._streams.until_ended(owner, key.conversation_id, key.started)

    async def _reload(self, owner: str, sent: SentReply) -> SentReply:
        """Reads the rows again, the conversation first; what was deleted since is None."""
        assert sent.conversation is not None
        try:
            async with self._database.read(owner) as session:
                conversation = await session.get(Conversation, sent.conversation.id)
                message = await _by_id(session, sent.message.id if sent.message else None)
                reply = await _by_id(session, sent.reply.id if sent.reply else None)
        except Unavailable:
            # What was asked for is done, so the rows as they were then are a better answer than an error.
            return sent
        live = with_live_text(self._broker, reply) if reply else None
        return replace(sent, conversation=conversation, message=message, reply=live)

    async def _do(
        self,
        session: AsyncSession,
        head: Head,
        request: KeyedRequest,
        options: ReplyOptions,
        message: Message | None = None,
        continued: Message | None = None,
    ) -> SentReply:
        """Does what only a running reply can still refuse: sends the message if there is one, and replies.

        The reply follows the message, else the head, or goes on with the one that is continued.
        """
        await self._make_way(session, head.run, options)
        reply = None
        if options.reply_mode is not ReplyMode.NONE:
            reply = _pending(continued) if continued else _new_reply(head.conversation)
        await self._place(session, head, message, None if continued else reply)
        sent = await self._begin_reply(session, head.conversation, options, reply)
        request.remember(session, _result(message, sent), head.conversation.id)
        return replace(sent, message=message)

    async def _make_way(self, session: AsyncSession, run: Run | None, options: ReplyOptions) -> None:
        """Refuses the request, or stops the running reply. Called once nothing else can refuse the request."""
        if run is None:
            return
        if options.if_busy is BusyPolicy.REJECT:
            raise await runs.in_progress(session, run)
        await self._stops.stop(session, run)

    async def _place(
        self, session: AsyncSession, head: Head, message: Message | None, reply: Message | None
    ) -> None:
        if new := [one for one in (message, reply) if one is not None]:
            await tree.place(session, head, *new)
        if message is not None:
            count_change(head.conversation)
            self._broker.changed(session, head.conversation.id)

    async def _begin_reply(
        self, session: AsyncSession, conversation: Conversation, options: ReplyOptions, reply: Message | None
    ) -> SentReply:
        """Opens a run on the pending reply, which is written once all is committed."""
        if reply is None:
            await mark_active(session, conversation)
            return SentReply(conversation)
        if self._has_quotas:
            await quotas.check(session, conversation.owner)
        key = await runs.begin(session, conversation, reply, self._writer.name)
        await mark_active(session, conversation)
        await self._writer.hold_lease(session)
        owner = conversation.owner
        build = partial(self._prompts.read, owner, reply, options.settings())
        self._writer.start_after_commit(session, Assignment(owner, key, reply.id, reply.content, build))
        cursor = _before(conversation.id, key.started)
        return SentReply(conversation, reply=reply, stream_cursor=cursor, run=key.started)


def _keyed(kind: str, options: ReplyOptions, *asked: object) -> KeyedRequest:
    """Raises InvalidInput for settings that are out of range, before anything is changed."""
    options.settings()
    return KeyedRequest(kind, options.idempotency_key, *asked, options.generation, later=(options.reply_mode,))


def _result(message: Message | None, sent: SentReply) -> dict[str, str | int | None]:
    """Returns what a request did, as `_done_before` reads it."""
    reply_id = sent.reply.id if sent.reply else None
    return {"message": message.id if message else None, "reply": reply_id, "run": sent.run}


async def _done_before(
    session: AsyncSession, conversation: Conversation, known: dict[str, str | None]
) -> SentReply:
    """Answers a request that was done before with what it did, as far as that still exists."""
    message = await _by_id(session, known["message"])
    reply = await _by_id(session, known["reply"])
    run = int(known["run"]) if reply is not None and known["run"] is not None else None
    cursor = None if run is None else _before(conversation.id, run)
    return SentReply(conversation, message, reply, cursor, run)


def _before(conversation_id: str, run: int) -> str:
    """Returns the stream cursor just before the run's first event."""
    return cursors.encode(conversation_id, Cursor(run - 1))


async def _by_id(session: AsyncSession, message_id: str | None) -> Message | None:
    return await session.get(Message, message_id) if message_id is not None else None


async def _at(session: AsyncSession, head: Head, parent_id: str | None) -> Head:
    """Returns the head, after the message that is named if one is."""
    if parent_id is None:
        return head
    parent = await require_message_in(session, head.conversation.id, parent_id, "parent_id")
    return Head(head.conversation, head.run, parent)


async def _below(session: AsyncSession, conversation: Conversation, parent_id: str | None) -> Head:
    parent = await _by_id(session, parent_id)
    return Head(conversation, await runs.open_run(session, conversation.id), parent)


def _new_reply(conversation: Conversation) -> Message:
    return tree.new_message(Role.ASSISTANT, "", conversation.character_id, Status.PENDING)


def _pending(reply: Message) -> Message:
    reply.status, reply.finish_reason, reply.failure = Status.PENDING, None, None
    return reply


def _require_reply(message: Message, otherwise: str) -> None:
    if message.role is not Role.ASSISTANT:
        raise WrongRole(otherwise, message.role)
