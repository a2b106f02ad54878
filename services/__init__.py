"""What Repartee can do, independent of GraphQL and HTTP. Builds every service once, with the parts it needs."""

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from models import LOCAL_OWNER, Database, Unavailable
from services.access.leaving import LeavingService
from services.access.modes import AccessMode
from services.access.names import UserNames
from services.access.service import AccessService
from services.broker import Broker
from services.characters import CharacterService
from services.chat_history import ChatHistoryService
from services.conversations import ConversationService
from services.draining import ConnectionDrain
from services.engines import Engine
from services.engines.asking import Models
from services.exporting import ExportService
from services.housekeeping import Housekeeping
from services.measures import Figure, Measures, figure
from services.messages import MessageService
from services.reads.service import ReadService
from services.replies.recovery import Recovery
from services.replies.service import ReplyService
from services.replies.titles import TitleWriter
from services.replies.writer import ReplyWriter
from services.search.service import SearchService
from services.settings import Settings
from services.streaming.changes import ChangeService
from services.streaming.lists import Lists
from services.streaming.readers import Readers
from services.streaming.service import StreamService
from services.usage import UsageService
from services.welcome import welcome_user

logger = logging.getLogger("repartee")


@dataclass(frozen=True)
class Services:
    """Every use case. `draining` is set when the server is told to stop; `connections` are closed then."""

    settings: Settings
    engine: Engine
    access: AccessService
    leaving: LeavingService
    models: Models
    characters: CharacterService
    conversations: ConversationService
    messages: MessageService
    chat_histories: ChatHistoryService
    reads: ReadService
    replies: ReplyService
    search: SearchService
    export: ExportService
    usage: UsageService
    streams: StreamService
    changes: ChangeService
    lists: Lists
    readers: Readers
    writer: ReplyWriter
    housekeeping: Housekeeping
    measures: Measures
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    connections: ConnectionDrain = field(default_factory=ConnectionDrain)

    @classmethod
    def build(cls, settings: Settings, database: Database, broker: Broker, engine: Engine) -> "Services":
        titles = TitleWriter(database, broker, engine, settings.writes_titles(engine.name))
        access = AccessService(settings, database)
        usage = UsageService(database, is_kept=access.mode is AccessMode.ACCOUNTS)
        writer = ReplyWriter(database, broker, engine, titles, usage, settings)
        names = UserNames(access.accounts, settings)
        readers = Readers(database, broker)
        streams = StreamService(database, readers)
        lists = Lists(database, broker)
        writer.measures.figures.update(_figures(database, broker, writer, readers, lists))
        characters = CharacterService(database, broker, usage)
        conversations = ConversationService(database, broker, names)
        access.accounts.welcome = partial(welcome_user, characters, conversations)
        return cls(
            settings=settings,
            engine=engine,
            access=access,
            leaving=LeavingService(database, access.accounts, access.users, characters),
            models=Models(engine),
            characters=characters,
            conversations=conversations,
            messages=MessageService(database, broker, settings.max_message_length),
            chat_histories=ChatHistoryService(database, broker),
            reads=ReadService(database),
            replies=ReplyService(database, broker, engine, writer, streams, names, settings),
            search=SearchService(database),
            export=ExportService(database),
            usage=usage,
            streams=streams,
            changes=ChangeService(database, readers),
            lists=lists,
            readers=readers,
            writer=writer,
            housekeeping=Housekeeping(database, Recovery(database, broker, writer)),
            measures=writer.measures,
        )

    async def open(self) -> None:
        """Ends what an earlier process left unfinished, and begins to write checkpoints."""
        await self.access.open()
        await self.housekeeping.open()
        self.writer.open()
        self.readers.open()
        self.lists.open()

    async def database_answers(self) -> bool:
        """Returns whether a read succeeds now."""
        try:
            # Any read shows it; an id that is none finds nothing.
            await self.characters.by_ids(LOCAL_OWNER, ["health"])
        except (Unavailable, SQLAlchemyError) as error:
            logger.warning("The database does not answer: %s", error)
            return False
        return True

    async def drain(self) -> None:
        """Ends the running replies, and closes all connections: those of their watchers once these were told."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.connections.run(self.writer.grace))
            await self._end_replies()
            await self.streams.settle()
        self.connections.finish()

    async def close(self) -> None:
        """Ends the running replies, and stores what was written."""
        await self._end_replies()
        await self.leaving.close()
        await self.access.close()
        await self.readers.close()
        await self.lists.close()
        await self.models.close()

    async def _end_replies(self) -> None:
        await self.housekeeping.close()
        await self.writer.close()


def _figures(
    database: Database, broker: Broker, writer: ReplyWriter, readers: Readers, lists: Lists
) -> dict[str, Figure]:
    return {
        "broker_connected": figure(
            "Whether other processes are told at once what happens in this one.", lambda: broker.is_connected
        ),
        "replies_running": figure("Replies that this process writes.", lambda: len(writer.keys)),
        "watchers": Figure(
            "Subscriptions that watch, by what they watch.",
            lambda: {"conversation": readers.watchers, "list": lists.watchers},
            "of",
        ),
        "database_connections": Figure(
            "Connections to the database that are in use, by what they are for.",
            database.connections_in_use,
            "for",
        ),
    }
