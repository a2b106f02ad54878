"""What watchers cost a database that is away. Runs with --database=postgresql."""

import asyncio

import pytest

from models import Database
from services.settings import Settings
from tests.conftest import opened
from tests.services.streaming.test_readers import reader_of, watched
from tests.support.makers import TestEngine, make_conversation, until
from tests.support.round_trips import RoundTrips

pytestmark = pytest.mark.postgresql

# Tries that nobody minds in two seconds: of the reader, the clock, and what else the server does now and then.
FEW = 40


async def test_a_database_that_is_away_is_tried_now_and_then_and_read_when_it_is_back(
    settings: Settings, database: Database
) -> None:
    async with RoundTrips(settings.database_url).opened() as server:
        settings = settings.model_copy(update={"database_url": server.url})
        own = Database(settings.database_url, settings.max_answer)
        async with opened(settings, own, TestEngine()) as services:
            conversation = await make_conversation(services)
            async with watched(services, conversation.id, 1):
                server.leave()
                tried, known = server.connections, reader_of(services).newest.number
                reader_of(services).rows_changed()
                await until(lambda: server.connections > tried)
                await asyncio.sleep(2)
                assert server.connections - tried < FEW
                server.come_back()
                await until(lambda: reader_of(services).newest.number > known)
        await own.close()
