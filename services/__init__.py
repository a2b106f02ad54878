"""What Repartee can do, whoever asks. Knows models; knows nothing of GraphQL or HTTP."""

from dataclasses import dataclass

from models import Database
from services.broker import Broker
from services.changes import ChangeService
from services.characters import CharacterService
from services.conversations import ConversationService
from services.engines import Engine
from services.exchanges import Exchanges
from services.histories import HistoryService
from services.messages import MessageService
from services.replies import ReplyService
from services.settings import Settings
from services.streams import StreamService
from services.writer import ReplyWriter

# The one owner of everything, until there are users.
LOCAL_OWNER = "local"


@dataclass(frozen=True)
class Services:
    """Every use case, built once with what it needs."""

    settings: Settings
    engine: Engine
    characters: CharacterService
    conversations: ConversationService
    messages: MessageService
    histories: HistoryService
    replies: ReplyService
    streams: StreamService
    changes: ChangeService
    writer: ReplyWriter
    exchanges: Exchanges

    @classmethod
    def build(cls, settings: Settings, database: Database, broker: Broker, engine: Engine) -> "Services":
        writer = ReplyWriter(database, broker, engine)
        streams = StreamService(database, broker, writer.name)
        exchanges = Exchanges(database, broker, engine, writer, streams, settings)
        return cls(
            settings=settings,
            engine=engine,
            characters=CharacterService(database, broker, writer),
            conversations=ConversationService(database, broker, writer, settings.user_name),
            messages=MessageService(database, broker),
            histories=HistoryService(database, broker, writer, settings),
            replies=ReplyService(database, exchanges, writer, settings.max_message_length),
            streams=streams,
            changes=ChangeService(database, broker),
            writer=writer,
            exchanges=exchanges,
        )

    async def open(self) -> None:
        """Begin: end what an earlier process left unfinished, and go on looking for that."""
        await self.writer.open()

    async def drain(self) -> None:
        """End what is being written, and let its watchers be told."""
        await self.close()
        await self.streams.settle()

    async def close(self) -> None:
        """Let what was begun be stored, and end what is being written."""
        await self.exchanges.close()
        await self.writer.close()
