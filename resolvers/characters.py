"""Fields and changes of characters."""

from collections.abc import Sequence
from typing import Any

import strawberry

from models import Character, Conversation, Message
from resolvers.connections import Connection
from resolvers.context import Info
from resolvers.reads import reads
from services.characters import CharacterOrder
from services.paging import page_arguments
from services.reads import lists, relations


@reads(relations.CHARACTER)
async def character(info: Info, id: strawberry.ID) -> Character | None:
    return await info.context.loaders.characters.load(id)


@reads(lists.CHARACTERS)
async def characters(
    info: Info, first: int = 20, order_by: CharacterOrder = CharacterOrder.NAME_ASC, search: str | None = None
) -> Sequence[Character]:
    service = info.context.services.characters
    return (await service.page(info.context.owner, order_by, search, page_arguments(first))).nodes


@reads(lists.CHARACTERS_CONNECTION)
async def characters_connection(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    order_by: CharacterOrder = CharacterOrder.NAME_ASC,
    search: str | None = None,
) -> Connection:
    owner, service = info.context.owner, info.context.services.characters
    page = await service.page(owner, order_by, search, page_arguments(first, after, last, before))
    return Connection(page, lambda: service.count(owner, search))


@reads(relations.CHARACTER_OF_CONVERSATION)
async def of_conversation(conversation: strawberry.Parent[Conversation], info: Info) -> Character | None:
    return await info.context.loaders.characters.load(conversation.character_id)


@reads(relations.SPEAKER)
async def speaker_of(message: strawberry.Parent[Message], info: Info) -> Character | None:
    return await info.context.loaders.characters.load(message.speaker_id) if message.speaker_id else None


async def create(info: Info, fields: dict[str, Any], idempotency_key: str | None = None) -> Character:
    return await info.context.services.characters.create(info.context.owner, fields, idempotency_key)


async def update(
    info: Info, character_id: strawberry.ID, fields: dict[str, Any], expected_version: int | None = None
) -> Character:
    service = info.context.services.characters
    return await service.update(info.context.owner, character_id, fields, expected_version)


async def delete(info: Info, character_id: strawberry.ID) -> dict[str, Any]:
    deleted_id, count = await info.context.services.characters.delete(info.context.owner, character_id)
    return {"deleted_character_id": deleted_id, "deleted_conversation_count": count}
