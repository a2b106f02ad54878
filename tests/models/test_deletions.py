"""What is being deleted is hidden at once, from everyone, and its rows go later."""

import asyncio
from functools import partial
from typing import Any

import pytest

from models import (
    LOCAL_OWNER,
    Database,
    everyone,
)
from resolvers.context import Context
from schema import schema
from services import Services
from services.errors import NotFound
from services.housekeeping import _delete_batch
from services.settings import Settings
from services.streaming.events import ReplyFinished
from tests.support.owners import (
    OTHER_OWNER,
    World,
    caller,
    make_full_world,
    make_world,
    rows,
    without_housekeeping,
)
from tests.support.tour import Tour, holds_something

PARTS = ("characters", "conversations", "messages", "runs", "origins")


@pytest.mark.sqlite
async def test_what_is_being_deleted_is_hidden_at_once_and_then_gone(
    settings: Settings, database: Database
) -> None:
    services = without_housekeeping(settings, database)
    of_a = await make_full_world(services, database, LOCAL_OWNER, "zanzibar")
    of_b = await make_full_world(services, database, OTHER_OWNER, "lisbon")
    tour, before = Tour(services, database, of_b), rows(database)
    assert [name for name, result in (await tour.read()).items() if not holds_something(result)] == []
    events = await services.streams.watch(OTHER_OWNER, of_b.busy)
    changes = await services.changes.watch(OTHER_OWNER, of_b.quiet)
    await anext(events), await anext(changes)

    await services.characters.delete(OTHER_OWNER, of_b.character)
    assert [len(rows(database)[part]) for part in PARTS[:-1]] == [len(before[part]) for part in PARTS[:-1]]
    async with asyncio.timeout(5):
        assert isinstance([event async for event in events][-1], ReplyFinished)
        assert [change.deleted_conversation_id async for change in changes] == [of_b.quiet]
    assert [name for name, result in (await tour.read()).items() if holds_something(result)] == []
    assert await nodes(services, of_b) == [None] * len(of_b.ids)
    for service in (services.streams, services.changes):
        with pytest.raises(NotFound):
            await service.watch(OTHER_OWNER, of_b.quiet)
    again = Tour(services, database, await make_world(services, OTHER_OWNER, "porto"))
    assert [name for name, result in (await again.read()).items() if not holds_something(result)] == []

    await services.characters.delete(OTHER_OWNER, again.of.character)
    await services.housekeeping.finish_deletions()
    assert [part for part in PARTS if rows(database, OTHER_OWNER)[part]] == []
    assert await nodes(services, of_a, LOCAL_OWNER) == [{"id": id} for id in of_a.ids]
    services.writer.grace = 0
    await services.close()


async def nodes(services: Services, world: World, owner: str = OTHER_OWNER) -> list[Any]:
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    result = await schema.execute(document, {"ids": world.ids}, context_value=Context(services, caller(owner)))
    assert result.data is not None
    return list(result.data["nodes"])


@pytest.mark.sqlite
async def test_a_deletion_that_was_interrupted_is_finished_later(settings: Settings, database: Database) -> None:
    services = without_housekeeping(settings, database)
    world = await make_full_world(services, database, OTHER_OWNER, "lisbon")
    history = [{"role": "user", "content": "Hello"}] * 2500
    for _ in range(2):
        await services.chat_histories.import_history(OTHER_OWNER, world.character, history)
    await services.characters.delete(OTHER_OWNER, world.character)
    for _ in range(2):
        await database.write(everyone(), partial(_delete_batch, world.character))
    assert 500 < len(rows(database)["messages"]) < 2000
    services.writer.grace = 0
    await services.close()
    later = without_housekeeping(settings, database)
    assert [one for one in (await Tour(later, database, world).read()).values() if holds_something(one)] == []
    await later.housekeeping.finish_deletions()
    assert [part for part in PARTS if rows(database)[part]] == []
    await later.close()
